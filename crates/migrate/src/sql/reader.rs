//! Reads the beginning of a statement, word by word.

use super::{
    Dialect,
    name::{Name, folded, unquoted},
    split::Statement,
    token::{Kind, Token, Tokens},
};

/// Stands before the next token of a statement; blanks and comments are not seen.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    sql: &'a str,
    dialect: Dialect,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the first token of the statement.
    pub(super) fn new(statement: &Statement, sql: &'a str, dialect: Dialect) -> Self {
        let sql = &sql[statement.range.clone()];
        let tokens = Tokens::new(sql, dialect).map_while(Result::ok).filter(|token| token.kind != Kind::Blank);
        Self { sql, dialect, tokens: tokens.collect(), at: 0 }
    }

    fn peek(&self) -> Option<(Kind, &'a str)> {
        let token = self.tokens.get(self.at)?;
        Some((token.kind, &self.sql[token.range.clone()]))
    }

    /// Is this keyword next?
    pub(super) fn sees(&self, word: &str) -> bool {
        self.peek().is_some_and(|(kind, text)| kind == Kind::Word && text.eq_ignore_ascii_case(word))
    }

    /// Goes over these keywords if they are next, all of them or none.
    pub(super) fn skip(&mut self, words: &str) -> bool {
        let before = self.at;
        let all = words.split(' ').all(|word| {
            let seen = self.sees(word);
            self.at += usize::from(seen);
            seen
        });
        if !all {
            self.at = before;
        }
        all
    }

    /// Goes over one of these keywords, or one sequence of keywords.
    pub(super) fn skip_any(&mut self, choices: &[&str]) -> bool {
        choices.iter().any(|words| self.skip(words))
    }

    /// Goes over one sign, such as `,`.
    pub(super) fn skip_sign(&mut self, sign: &str) -> bool {
        let seen = self.peek().is_some_and(|(kind, text)| !matches!(kind, Kind::Word | Kind::Name) && text == sign);
        self.at += usize::from(seen);
        seen
    }

    /// Goes over `( … )`, if it is next; answers the words, numbers and texts in it, in upper case and without quotes.
    pub(super) fn parentheses(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        let mut depth = 0_usize;
        while let Some((kind, text)) = self.peek() {
            match kind {
                Kind::Open => depth += 1,
                _ if depth == 0 => break,
                Kind::Close => depth -= 1,
                Kind::Word | Kind::Number | Kind::Text => words.push(text.trim_matches('\'').to_ascii_uppercase()),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        words
    }

    /// Goes on to the next of these keywords outside of parentheses; it is not gone over.
    pub(super) fn find(&mut self, words: &[&str]) -> bool {
        while let Some((kind, _)) = self.peek() {
            if words.iter().any(|word| self.sees(word)) {
                return true;
            }
            if kind == Kind::Open {
                self.parentheses();
            } else {
                self.at += 1;
            }
        }
        false
    }

    /// A name with its schema.
    pub(super) fn name(&mut self) -> Option<Name> {
        let mut parts = vec![self.part()?];
        while self.skip_sign(".") {
            parts.push(self.part()?);
        }
        Name::of(parts)
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.skip_sign(",") {
                break;
            }
        }
        names
    }

    fn part(&mut self) -> Option<String> {
        let (kind, text) = self.peek()?;
        let part = match kind {
            Kind::Word => folded(text, self.dialect),
            Kind::Name => unquoted(text, self.dialect),
            _ => return None,
        };
        self.at += 1;
        Some(part)
    }

    /// A text in plain or dollar quotes, without them. One with escapes is not understood.
    pub(super) fn text(&mut self) -> Option<String> {
        let (kind, text) = self.peek()?;
        let inside = match kind {
            Kind::Text if text.starts_with('\'') => text.get(1..text.len() - 1)?.replace("''", "'"),
            Kind::Text if text.starts_with('$') => {
                let mark = &text[..text[1..].find('$')? + 2];
                text.strip_prefix(mark)?.strip_suffix(mark)?.to_owned()
            }
            _ => return None,
        };
        self.at += 1;
        Some(inside)
    }

    /// All keywords to the end, those in parentheses too.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        rest.iter()
            .filter(|token| token.kind == Kind::Word)
            .map(|token| self.sql[token.range.clone()].to_ascii_uppercase())
    }

    /// The words inside of the texts that follow, as a `DO` block has them.
    pub(super) fn words_in_texts(&self) -> impl Iterator<Item = String> {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let texts = rest.iter().filter(|token| token.kind == Kind::Text).map(|token| &self.sql[token.range.clone()]);
        texts.flat_map(|text| {
            let inner = text.trim_start_matches(['$', '\'']);
            Tokens::new(inner, Dialect::Postgres)
                .map_while(Result::ok)
                .filter(|token| token.kind == Kind::Word)
                .map(|token| inner[token.range].to_ascii_uppercase())
        })
    }
}
