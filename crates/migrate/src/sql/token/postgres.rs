//! PostgreSQL's tokens, by `squawk-lexer`, which follows the server's `scan.l`.

use super::{Kind, Quote, Seen};
use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// A text with escapes goes on in the next text when a line's end lies between them (`scan.l`, state `xqs`): there a backslash
/// still takes the next character along, though that text has no `E` of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Continued {
    /// The last token was no text with escapes.
    #[default]
    No,
    /// It was one, on this line.
    SameLine,
    /// It was one, on a line before.
    NextLine,
}

/// The first token of `text`; none at its end.
pub(super) fn first(text: &str, continued: &mut Continued) -> Option<Seen> {
    if *continued == Continued::NextLine && text.starts_with('\'') {
        *continued = Continued::SameLine;
        return Some(match escaped(text) {
            Some(length) => Seen::closed(Kind::Text, length),
            None => Seen { kind: Kind::Text, length: text.len(), open: Some((Quote::Text, 1)) },
        });
    }
    let token = tokenize(text).next()?;
    let length = token.len as usize;
    *continued = after(*continued, token.kind, &text[..length]);
    Some(Seen { kind: kind(token.kind, &text[..length]), length, open: open(token.kind, text) })
}

fn after(before: Continued, token: TokenKind, text: &str) -> Continued {
    match (before, token) {
        (_, TokenKind::Literal { kind: LiteralKind::EscStr { .. } }) => Continued::SameLine,
        (Continued::No, _) => Continued::No,
        (_, TokenKind::Whitespace) if text.contains(['\n', '\r']) => Continued::NextLine,
        (before, TokenKind::Whitespace | TokenKind::LineComment) => before,
        _ => Continued::No,
    }
}

fn kind(token: TokenKind, text: &str) -> Kind {
    match token {
        TokenKind::Ident => Kind::Word,
        TokenKind::QuotedIdent { .. } => Kind::Name,
        TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } }
        | TokenKind::PositionalParam { .. } => Kind::Number,
        TokenKind::Literal { .. } => Kind::Text,
        TokenKind::OpenParen => Kind::Open,
        TokenKind::CloseParen => Kind::Close,
        TokenKind::Semi => Kind::Semicolon,
        TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => Kind::Blank,
        _ if text == "\\" => Kind::Backslash,
        _ => Kind::Symbol,
    }
}

fn open(token: TokenKind, text: &str) -> Option<(Quote, usize)> {
    let to = |mark: char| text.find(mark).map_or(0, |at| at + 1);
    match token {
        TokenKind::BlockComment { terminated: false } => Some((Quote::Comment, 2)),
        TokenKind::QuotedIdent { terminated: false, .. } => Some((Quote::Name, to('"'))),
        TokenKind::Literal { kind: LiteralKind::DollarQuotedString { terminated: false } } => {
            Some((Quote::Dollar, 1 + text[1..].find('$').map_or(0, |at| at + 1)))
        }
        TokenKind::Literal { kind } if is_open(kind) => Some((Quote::Text, to('\''))),
        _ => None,
    }
}

fn is_open(literal: LiteralKind) -> bool {
    matches!(
        literal,
        LiteralKind::Str { terminated: false }
            | LiteralKind::NationalStr { terminated: false }
            | LiteralKind::ByteStr { terminated: false }
            | LiteralKind::BitStr { terminated: false }
            | LiteralKind::UnicodeEscStr { terminated: false }
            | LiteralKind::EscStr { terminated: false }
    )
}

/// The length of `'…'` in which a backslash takes the next character along, and a doubled quote stands for one.
fn escaped(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '\'' if characters.next_if(|(_, next)| *next == '\'').is_some() => {}
            '\'' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
