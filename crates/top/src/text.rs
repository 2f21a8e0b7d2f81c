//! Text that may be put on a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// No more of a line is kept; nobody reads further on a screen.
const LONGEST: usize = 2000;

/// So wide is a tabulator.
const TAB: &str = "    ";

/// `bytes` as text that does nothing to a terminal: escape sequences are taken out, other control characters are a blank,
/// and what would turn around or hide its neighbours is left out.
pub fn tame(bytes: &[u8]) -> String {
    // Escapes and marks take room, too: that much of it is surely enough.
    let some = &bytes[..bytes.len().min(LONGEST * 8)];
    let decoded = String::from_utf8_lossy(some);
    let mut rest = decoded.chars().peekable();
    let (mut text, mut length) = (String::new(), 0);
    while let Some(char) = rest.next().filter(|_| length < LONGEST) {
        length += 1;
        match char {
            '\x1b' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\t' => text.push_str(TAB),
            char if char.is_control() => text.push(' '),
            char if is_unseen(char) => {}
            char => text.push(char),
        }
    }
    text.truncate(text.trim_end().len());
    text
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What stands behind an ESC (ECMA-48, sections 5.3 to 5.6).
fn skip_escape(rest: &mut Chars<'_>) {
    match rest.next_if(|char| ('\x20'..='\x7e').contains(char)) {
        Some('[') => skip_control_sequence(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(rest),
        Some('\x20'..='\x2f') => {
            while rest.next_if(|char| ('\x20'..='\x2f').contains(char)).is_some() {}
            rest.next_if(|char| ('\x30'..='\x7e').contains(char));
        }
        _ => {}
    }
}

/// Parameters, and the one character that ends them.
fn skip_control_sequence(rest: &mut Chars<'_>) {
    while rest.next_if(|char| ('\x20'..='\x3f').contains(char)).is_some() {}
    rest.next_if(|char| ('\x40'..='\x7e').contains(char));
}

/// Up to BEL or the string terminator. One without an end hides the rest of its line alone.
fn skip_string(rest: &mut Chars<'_>) {
    while let Some(char) = rest.next() {
        match char {
            '\x07' | '\u{9c}' => return,
            '\x1b' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Joiners, variation selectors, marks of direction, tags: without a glyph of their own, and terminals do not agree on them.
fn is_unseen(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// How many columns it takes.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// As much of `text` as goes into `room` columns; `ellipsis` stands for the rest.
pub(crate) fn cut(text: &str, room: usize, ellipsis: char) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for char in text.chars() {
        taken += UnicodeWidthChar::width(char).unwrap_or_default();
        if taken + 1 > room {
            break;
        }
        kept.push(char);
    }
    if room > 0 {
        kept.push(ellipsis);
    }
    kept
}

/// `text` without what stands in its first `columns` columns.
pub(crate) fn behind(text: &str, columns: usize) -> &str {
    let mut passed = 0;
    for (at, char) in text.char_indices() {
        if passed >= columns {
            return &text[at..];
        }
        passed += UnicodeWidthChar::width(char).unwrap_or_default();
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// S4.7: what services write does nothing to the terminal.
    #[test]
    fn escape_sequences_are_taken_out() {
        for (bytes, text) in [
            (&b"plain"[..], "plain"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b[?1049h\x1b[2Jgone", "gone"),
            (b"\x1b]0;title\x07seen", "seen"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1bP1;2|data\x1b\\x", "x"),
            (b"\x1b(Bx\x1bcy\x1b", "xy"),
            ("\u{9b}31mx\u{9d}0;t\u{9c}y".as_bytes(), "xy"),
            (b"10%\r20%\r", "10% 20%"),
            (b"a\tb\x08\x7f", "a    b"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            ("user\u{202e}txt.exe\u{200b}".as_bytes(), "usertxt.exe"),
            (b"\x1b]0;never ended", ""),
            (b"\x1b[12;", ""),
        ] {
            assert_eq!(tame(bytes), text, "{bytes:?}");
        }
        assert_eq!(tame(&vec![b'x'; 1 << 20]).len(), LONGEST);
    }

    #[test]
    fn long_texts_are_cut_at_a_column() {
        for (text, room, kept) in [
            ("worker", 6, "worker"),
            ("worker", 5, "work…"),
            ("worker", 1, "…"),
            ("worker", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}e", 2, "e\u{301}…"),
        ] {
            assert_eq!(cut(text, room, '…'), kept, "{text} {room}");
        }
        assert_eq!((behind("日本語", 2), behind("日本語", 3), behind("ab", 9)), ("本語", "語", ""));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_tame_and_fits(bytes in prop::collection::vec(any::<u8>(), 0..300), room in 0usize..40) {
            let text = tame(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert!(width(&cut(&text, room, '…')) <= room);
        }

        #[test]
        fn whatever_text_is_tame_and_fits(text in "(\\PC|[\\x00-\\x9f]){0,60}", room in 0usize..40) {
            let text = tame(text.as_bytes());
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert!(width(&cut(&text, room, '…')) <= room);
        }
    }
}
