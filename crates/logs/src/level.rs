//! How much a line matters, as far as that can be seen in it.

use crate::text::{self, HIGH, LOW, word_of};
use report::Level;

/// Levels stand at the beginning of a line; words further on are rather those of people.
const BEGINNING: usize = 96;

/// Keys of JSON may come in any order.
const BEGINNING_OF_JSON: usize = 2048;

/// The level that `line` says it has: `ERROR`, `level=warn`, `"level":"info"`, `[error]`, `<3>`, the beginning of a panic or a
/// traceback. None when nothing of it can be seen.
pub fn level_of(line: &[u8]) -> Option<Level> {
    match line.first()? {
        b'{' => in_json(&line[..line.len().min(BEGINNING_OF_JSON)]),
        b'<' => syslog(line),
        _ => in_words(&line[..line.len().min(BEGINNING)]).or_else(|| of_a_crash(line)),
    }
}

/// `<3>` before the line (sd-daemon(3)).
fn syslog(line: &[u8]) -> Option<Level> {
    match line {
        [b'<', b'0'..=b'3', b'>', ..] => Some(Level::Error),
        [b'<', b'4', b'>', ..] => Some(Level::Warn),
        [b'<', b'5' | b'6', b'>', ..] => Some(Level::Info),
        [b'<', b'7', b'>', ..] => Some(Level::Debug),
        _ => None,
    }
}

fn in_json(line: &[u8]) -> Option<Level> {
    ["level\":", "severity\":", "lvl\":", "levelname\":"].iter().find_map(|key| {
        let after = memchr::memmem::find(line, key.as_bytes())? + key.len();
        let value = line[after..].trim_ascii_start();
        match value.first()? {
            b'"' => named(word_at(&value[1..])),
            b'0'..=b'9' => numbered(value),
            _ => None,
        }
    })
}

/// 10 is trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal, as bunyan and pino have it.
fn numbered(value: &[u8]) -> Option<Level> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match std::str::from_utf8(&value[..digits]).ok()?.parse::<u32>().ok()? {
        10..=29 => Some(Level::Debug),
        30..=39 => Some(Level::Info),
        40..=49 => Some(Level::Warn),
        50..=69 => Some(Level::Error),
        _ => None,
    }
}

fn in_words(line: &[u8]) -> Option<Level> {
    if !may_have_a_level(line) {
        return at_word(line, 0, word_at(line));
    }
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            // A colour is no part of the word behind it.
            b'\x1b' => at += line[at..].iter().position(|byte| *byte == b'm').map_or(1, |end| end + 1),
            b'_' => at += 1,
            byte if in_word(byte) => {
                let word = word_at(&line[at..]);
                if let Some(level) = at_word(line, at, word) {
                    return Some(level);
                }
                at += word.len();
            }
            _ => at += 1,
        }
    }
    None
}

/// Behind the first word a level has three capitals at least, or a bracket or an equals sign before it. Most lines have neither, which
/// is seen eight bytes at a time.
fn may_have_a_level(line: &[u8]) -> bool {
    let mut words = line.chunks_exact(8);
    let mut before = 0;
    let found = words.by_ref().fold(0, |found, word| found | marks(word_of(word), &mut before));
    let mut rest = [0; 8];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    found | marks(u64::from_le_bytes(rest), &mut before) != 0
}

/// Bits for a bracket, an equals sign and the third of three capitals; `before` are the capitals of the bytes before.
fn marks(word: u64, before: &mut u64) -> u64 {
    let capitals = capitals(word);
    let second = capitals << 8 | *before >> 56;
    let third = capitals << 16 | *before >> 48;
    *before = capitals;
    capitals & second & third | text::equal(word, b'[') | text::equal(word, b'=')
}

/// The highest bit of each byte that is a capital.
fn capitals(word: u64) -> u64 {
    let low = word & !HIGH;
    let from_a = low + LOW * u64::from(0x80 - b'A');
    let behind_z = low + LOW * u64::from(0x7f - b'Z');
    from_a & !behind_z & !word & HIGH
}

fn word_at(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !in_word(*byte)).unwrap_or(text.len());
    &text[..end]
}

/// A letter, a digit, an underscore.
fn in_word(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let (mut table, mut byte) = ([false; 256], 0);
        while byte < 256 {
            table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_';
            byte += 1;
        }
        table
    };
    TABLE[usize::from(byte)]
}

/// Capitals are a level wherever they stand; small letters only where nobody writes about errors: at the very beginning before a
/// colon, in brackets, after `level=`.
fn at_word(line: &[u8], at: usize, word: &[u8]) -> Option<Level> {
    if !(3..=8).contains(&word.len()) {
        return None;
    }
    let (before, after) = (&line[..at], line.get(at + word.len()));
    if word.iter().all(u8::is_ascii_uppercase) {
        return if word == b"LOG" && after != Some(&b':') { None } else { named(word) };
    }
    let marked = match before.last() {
        None => after == Some(&b':'),
        Some(b'[') => after == Some(&b']'),
        Some(b'=') => [&b"level="[..], b"lvl=", b"severity="].iter().any(|key| before.ends_with(key)),
        Some(b'"') => [&b"level=\""[..], b"severity=\""].iter().any(|key| before.ends_with(key)),
        _ => false,
    };
    marked.then(|| named(word)).flatten()
}

fn named(word: &[u8]) -> Option<Level> {
    const NAMES: [(&[u8], Level); 20] = [
        (b"info", Level::Info),
        (b"error", Level::Error),
        (b"warn", Level::Warn),
        (b"warning", Level::Warn),
        (b"debug", Level::Debug),
        (b"trace", Level::Debug),
        (b"notice", Level::Info),
        (b"log", Level::Info),
        (b"information", Level::Info),
        (b"verbose", Level::Debug),
        (b"err", Level::Error),
        (b"fatal", Level::Error),
        (b"critical", Level::Error),
        (b"crit", Level::Error),
        (b"panic", Level::Error),
        (b"alert", Level::Error),
        (b"emerg", Level::Error),
        (b"severe", Level::Error),
        (b"wrn", Level::Warn),
        (b"inf", Level::Info),
    ];
    NAMES.iter().find(|(name, _)| name.len() == word.len() && name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
}

/// `Traceback (most recent call last):`, `ValueError: …`, `thread 'main' panicked at …`
fn of_a_crash(line: &[u8]) -> Option<Level> {
    let first = line.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')))?;
    let name = &line[..first];
    let thrown = line[first] == b':' && (name.ends_with(b"Error") || name.ends_with(b"Exception"));
    let traceback = name == b"Traceback" && line[first..].starts_with(b" (most recent call last)");
    let panicked = name == b"thread" && memchr::memmem::find(line, b"' panicked at ").is_some();
    (thrown || traceback || panicked).then_some(Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// To look closely finds nothing that the first look rules out.
        #[test]
        fn the_first_look_misses_nothing(line in "(INFO|error|warn|level=|\\[|\\]|\"|:| |_|\x1b\\[2m|[a-zA-Z0-9._-]){0,40}") {
            let line = &line.as_bytes()[..line.len().min(BEGINNING)];
            let words = (0..line.len()).filter(|at| *at > 0 && in_word(line[*at]) && !in_word(line[at - 1]));
            let levels = words.filter_map(|at| at_word(line, at, word_at(&line[at..]))).count();
            prop_assert!(levels == 0 || may_have_a_level(line));
        }
    }

    #[test]
    fn what_programs_write_before_their_lines() {
        let cases: [(&str, Option<Level>); 29] = [
            ("INFO:     127.0.0.1:51234 - \"GET / HTTP/1.1\" 200 OK", Some(Level::Info)),
            ("2026-11-24T10:00:00Z ERROR app: it broke", Some(Level::Error)),
            ("\x1b[2m2026-11-24T10:00:00Z\x1b[0m \x1b[33m WARN\x1b[0m app", Some(Level::Warn)),
            ("\x1b[32mINFO\x1b[0m x", Some(Level::Info)),
            ("[2026-11-24 10:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT", Some(Level::Error)),
            ("2026/11/24 10:00:00 [error] 7#7: *1 connect() failed", Some(Level::Error)),
            ("time=2026-11-24T10:00:00Z level=warn msg=x", Some(Level::Warn)),
            ("ts=1 level=\"error\" msg=x", Some(Level::Error)),
            (r#"{"time":"x","level":"error","msg":"y"}"#, Some(Level::Error)),
            (r#"{"level":30,"msg":"y"}"#, Some(Level::Info)),
            (r#"{"message":"y","severity": "WARNING"}"#, Some(Level::Warn)),
            (r#"{"message":"y"}"#, None),
            ("2026-11-24 10:00:00.000 UTC [7] LOG:  database system is ready", Some(Level::Info)),
            ("2026-11-24 10:00:00.000 UTC [7] FATAL:  role \"x\" does not exist", Some(Level::Error)),
            ("error: no such file", Some(Level::Error)),
            ("warning: unused variable", Some(Level::Warn)),
            ("<3>disk failed", Some(Level::Error)),
            ("<9>what", None),
            ("Traceback (most recent call last):", Some(Level::Error)),
            ("ValueError: invalid literal", Some(Level::Error)),
            ("sqlalchemy.exc.OperationalError: gone", Some(Level::Error)),
            ("thread 'main' panicked at src/main.rs:1:1:", Some(Level::Error)),
            ("there was no error at all", None),
            ("LOG of the ship", None),
            ("[info] up", Some(Level::Info)),
            ("DEBUG x", Some(Level::Debug)),
            ("INFORMATION desk", None),
            ("", None),
            ("\u{43e}\u{448}\u{438}\u{431}\u{43a}\u{430}", None),
        ];
        for (line, level) in cases {
            assert_eq!(level_of(line.as_bytes()), level, "{line}");
        }
        assert_eq!(level_of(&[b'{', 0xff]), None);
        assert_eq!(level_of(b"\x1b"), None);
    }
}
