//! Values as SQL writes them, in both dialects; names are written alike in both.

use crate::{sql::Dialect, style::plain::hexadecimal};
use database::postgres;

pub(crate) use database::postgres::identifier;

/// `text` as a literal.
pub(crate) fn literal(text: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => postgres::literal(text),
        Dialect::Sqlite => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The same, or `NULL`.
pub(crate) fn optional(text: Option<&str>, dialect: Dialect) -> String {
    text.map_or_else(|| "NULL".to_owned(), |text| literal(text, dialect))
}

/// `bytes` as a literal.
pub(crate) fn bytes(bytes: &[u8], dialect: Dialect) -> String {
    let digits = hexadecimal(bytes);
    match dialect {
        Dialect::Postgres => format!("pg_catalog.decode('{digits}', 'hex')"),
        Dialect::Sqlite => format!("x'{digits}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted() {
        assert_eq!(literal(r"a\'", Dialect::Postgres), r"E'a\\'''");
        assert_eq!(literal(r"a\'", Dialect::Sqlite), r"'a\'''");
        assert_eq!(optional(None, Dialect::Sqlite), "NULL");
        assert_eq!(bytes(&[0, 255], Dialect::Postgres), "pg_catalog.decode('00ff', 'hex')");
        assert_eq!(bytes(&[0, 255], Dialect::Sqlite), "x'00ff'");
    }
}
