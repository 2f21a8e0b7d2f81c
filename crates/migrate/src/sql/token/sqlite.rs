//! SQLite's tokens, as <https://www.sqlite.org/lang_keywords.html> and its `tokenize.c` have them.

use super::{Kind, Quote, Seen};

/// The first token of `text`; none at its end.
pub(super) fn first(text: &str) -> Option<Seen> {
    let c = text.chars().next()?;
    Some(match c {
        _ if is_blank(c) => Seen::closed(Kind::Blank, length_while(text, is_blank)),
        '-' if text.starts_with("--") => Seen::closed(Kind::Blank, text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => up_to("*/", text, 2, Kind::Blank, Quote::Comment),
        '\'' => quoted(text, '\'', Kind::Text, Quote::Text),
        '"' | '`' => quoted(text, c, Kind::Name, Quote::Name),
        '[' => up_to("]", text, 1, Kind::Name, Quote::Name),
        'x' | 'X' if text[1..].starts_with('\'') => blob(text),
        '(' => Seen::closed(Kind::Open, 1),
        ')' => Seen::closed(Kind::Close, 1),
        ';' => Seen::closed(Kind::Semicolon, 1),
        '0'..='9' => Seen::closed(Kind::Number, number(text)),
        '.' if text[1..].starts_with(|c: char| c.is_ascii_digit()) => Seen::closed(Kind::Number, number(text)),
        '?' | '$' | '@' | ':' => Seen::closed(Kind::Number, 1 + length_while(&text[1..], in_word)),
        _ if in_word(c) => Seen::closed(Kind::Word, length_while(text, in_word)),
        other => Seen::closed(Kind::Symbol, other.len_utf8()),
    })
}

/// A byte order mark in front of a text is white space to SQLite; elsewhere it is a letter, which the library tells.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{feff}')
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii() && !is_blank(c)
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// Digits, a fraction, an exponent with its sign.
fn number(text: &str) -> usize {
    let body = length_while(text, |c| in_word(c) || c == '.');
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    match text[body..].strip_prefix(['+', '-']) {
        Some(exponent) if text[..body].ends_with(['e', 'E']) && !hexadecimal => {
            body + 1 + length_while(exponent, |c| c.is_ascii_digit())
        }
        _ => body,
    }
}

fn blob(text: &str) -> Seen {
    let Seen { length, open, .. } = quoted(&text[1..], '\'', Kind::Text, Quote::Text);
    Seen { kind: Kind::Text, length: length + 1, open: open.map(|(quote, length)| (quote, length + 1)) }
}

fn up_to(end: &str, text: &str, opening: usize, kind: Kind, quote: Quote) -> Seen {
    match text[opening..].find(end) {
        Some(at) => Seen::closed(kind, opening + at + end.len()),
        None => Seen { kind, length: text.len(), open: Some((quote, opening)) },
    }
}

/// `'…'` with any number of doubled quotes inside.
fn quoted(text: &str, mark: char, kind: Kind, quote: Quote) -> Seen {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == mark && characters.next_if(|(_, next)| *next == mark).is_none() {
            return Seen::closed(kind, at + 1);
        }
    }
    Seen { kind, length: text.len(), open: Some((quote, 1)) }
}
