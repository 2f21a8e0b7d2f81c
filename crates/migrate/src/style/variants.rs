//! The same text as other editors and checkouts write it: a tool that hashes bytes takes each for another file.

use super::Stamped;
use std::borrow::Cow;

/// The bytes of the file as they are, then its text with `\n` and with `\r\n` as the end of line, each without and with a byte
/// order mark. None comes twice.
pub(super) fn variants<'a>(file: &Stamped<'a>) -> Vec<Cow<'a, [u8]>> {
    let dos = file.text.replace('\n', "\r\n");
    let marked = |text: &str| Cow::Owned(format!("\u{feff}{text}").into_bytes());
    let (with, dos_with) = (marked(file.text), marked(&dos));
    let all =
        [Cow::Borrowed(file.raw), Cow::Borrowed(file.text.as_bytes()), Cow::Owned(dos.into_bytes()), with, dos_with];
    let mut found: Vec<Cow<'a, [u8]>> = Vec::with_capacity(all.len());
    for bytes in all {
        if !found.contains(&bytes) {
            found.push(bytes);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;

    #[test]
    fn line_ends_and_marks_are_told_apart() {
        let version = Version::default();
        let file =
            Stamped { raw: b"a\r\nb", text: "a\nb", sum: "", filled: "a\nb", version: &version, description: "" };
        let found: Vec<String> =
            variants(&file).iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        assert_eq!(found, ["a\r\nb", "a\nb", "\u{feff}a\nb", "\u{feff}a\r\nb"]);
        let file = Stamped { raw: b"a", text: "a", ..file };
        assert_eq!(variants(&file).len(), 2);
    }
}
