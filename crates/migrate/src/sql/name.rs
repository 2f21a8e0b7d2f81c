//! Names of things in the database.

use super::Dialect;
use crate::quote::identifier;
use std::fmt;

/// PostgreSQL keeps so many bytes of a name (NAMEDATALEN - 1).
const LONGEST: usize = 63;

/// What a thing in the database is called, as the catalog writes it: letters of a name without quotes made small, quotes taken
/// off, cut to the length that PostgreSQL keeps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    /// The schema, if it is told.
    pub(crate) schema: Option<String>,
    /// The name in it.
    pub(crate) object: String,
}

impl Name {
    /// From the parts between the dots; of three the first is the database.
    pub(crate) fn of(mut parts: Vec<String>) -> Option<Self> {
        let object = parts.pop()?;
        Some(Self { schema: parts.pop(), object })
    }

    /// As SQL has it.
    pub(crate) fn quoted(&self) -> String {
        self.schema.iter().chain([&self.object]).map(|part| identifier(part)).collect::<Vec<_>>().join(".")
    }
}

/// As a message shows it: `public.orders`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.object),
            None => f.write_str(&self.object),
        }
    }
}

/// A name without quotes, as the catalog has it.
pub(crate) fn folded(word: &str, dialect: Dialect) -> String {
    kept(word.to_ascii_lowercase(), dialect)
}

/// A name in quotes, as the catalog has it.
pub(crate) fn unquoted(quoted: &str, dialect: Dialect) -> String {
    let inside = |text: &str| {
        let mark = text.chars().next().unwrap_or('"');
        let body = text.strip_prefix(mark).unwrap_or(text);
        let end = if mark == '[' { ']' } else { mark };
        body.strip_suffix(end).unwrap_or(body).replace(&format!("{mark}{mark}"), &mark.to_string())
    };
    let name = match quoted.strip_prefix("U&").or_else(|| quoted.strip_prefix("u&")) {
        Some(escaped) => unescaped(&inside(escaped)),
        None => inside(quoted),
    };
    kept(name, dialect)
}

fn kept(mut name: String, dialect: Dialect) -> String {
    if dialect == Dialect::Postgres {
        name.truncate(name.floor_char_boundary(LONGEST));
    }
    name
}

/// `\0441` and `\+000441` become the letter, with the usual escape character; what is no escape stays.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, skipped) = if part.starts_with('+') { (part.get(1..7), 7) } else { (part.get(..4), 4) };
        let letter = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match letter {
            Some(letter) => name.extend([letter].into_iter().chain(part[skipped..].chars())),
            None => name.extend(['\\'].into_iter().chain(part.chars())),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_catalog_has() {
        let long = "x".repeat(70);
        let table = [
            (r#""Mixed""#, "Mixed"),
            (r#""a""b.c""#, r#"a"b.c"#),
            (r#"U&"d\0061t\+000061""#, "data"),
            (r#"u&"\zz""#, r"\zz"),
        ];
        for (quoted, name) in table {
            assert_eq!(unquoted(quoted, Dialect::Postgres), name, "{quoted}");
        }
        assert_eq!(folded("OrdersÉ", Dialect::Postgres), "ordersÉ");
        assert_eq!(folded(&long, Dialect::Postgres), long[..63]);
        assert_eq!(folded(&"é".repeat(40), Dialect::Postgres), "é".repeat(31));
        assert_eq!(unquoted("[a b]", Dialect::Sqlite), "a b");
        assert_eq!(unquoted("`a``b`", Dialect::Sqlite), "a`b");
        assert_eq!(folded(&long, Dialect::Sqlite), long);
    }
}
