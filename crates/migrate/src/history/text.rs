//! Texts as the history keeps them: compressed.

use std::io::Read;

/// Texts are short and kept for good; more effort would cost more time than it saves room.
const LEVEL: i32 = 3;

/// Compressed; the format (zstd, RFC 8878) has a checksum and tells its own end.
pub(crate) fn pack(text: &str) -> Vec<u8> {
    // Compressing memory into memory fails only when there is no memory; then the text itself is kept.
    zstd::bulk::compress(text.as_bytes(), LEVEL).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// The text again; nothing when it is none of ours. `hex` as the database writes it.
pub(crate) fn unpack(hex: &str) -> Option<String> {
    let digits = hex.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let packed: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    let mut text = String::new();
    let limit = crate::directory::LARGEST;
    zstd::Decoder::new(packed.as_slice()).ok()?.take(limit).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain::hexadecimal;

    #[test]
    fn a_text_comes_back() {
        for text in ["", "select 1;", "create table ключ (n int);\n"] {
            assert_eq!(unpack(&hexadecimal(&pack(text))).as_deref(), Some(text));
        }
        assert_eq!(unpack("00"), None);
        assert_eq!(unpack("xyz"), None);
    }
}
