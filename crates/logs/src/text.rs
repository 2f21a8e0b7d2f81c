//! Text within JSON, fast: many bytes at a time where nothing has to be escaped.

pub(crate) const LOW: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGH: u64 = 0x8080_8080_8080_8080;

/// Appends `text`, which is UTF-8, as it stands between the quotes of a JSON string.
pub(crate) fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let plain = plain(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(byte) = rest.get(plain) else { return };
        escape_one(*byte, out);
        rest = &rest[plain + 1..];
    }
}

/// So many bytes are looked at together.
const MANY: usize = 32;

/// How many bytes need no escape.
fn plain(text: &[u8]) -> usize {
    let many = |bytes: &&[u8]| bytes.chunks_exact(8).fold(0, |found, word| found | special(word_of(word))) == 0;
    let some = text.chunks_exact(MANY).take_while(many).count() * MANY;
    some + plain_by_words(&text[some..])
}

/// Eight bytes as one number, the first the lowest.
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

/// The highest bit of each byte that is this one. Bytes behind the first that is found may be marked wrongly.
pub(crate) fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ (LOW * u64::from(byte));
    other.wrapping_sub(LOW) & !other & HIGH
}

fn plain_by_words(text: &[u8]) -> usize {
    let words = text.chunks_exact(8);
    let tail = words.remainder().len();
    for (at, word) in words.enumerate() {
        let found = special(word_of(word));
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let begun = text.len() - tail;
    begun + text[begun..].iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).unwrap_or(tail)
}

/// The highest bit of each byte that is below a blank, a quote or a backslash. A borrow can only mark bytes behind a marked one, so
/// the first mark is right.
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
    control | equal(word, b'"') | equal(word, b'\\')
}

fn escape_one(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(br#"\""#),
        b'\\' => out.extend_from_slice(br"\\"),
        b'\n' => out.extend_from_slice(br"\n"),
        b'\r' => out.extend_from_slice(br"\r"),
        b'\t' => out.extend_from_slice(br"\t"),
        _ => {
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        /// Any JSON reader finds the same text again.
        #[test]
        fn text_comes_back(text in "(\\PC|[\\x00-\\x7f]){0,60}") {
            let read: String = serde_json::from_str(&format!("\"{}\"", escaped(&text))).unwrap();
            prop_assert_eq!(read, text);
        }

        #[test]
        fn what_needs_no_escape_stays(text in "[a-zA-Z0-9 ыΩ.,:;!]{0,60}") {
            prop_assert_eq!(escaped(&text), text);
        }
    }
}
