//! Values and names as SQL writes them, for statements that every pooler passes on: the simple protocol has no parameters.

use crate::{sql::Dialect, style::plain::hexadecimal};

/// `name` as an identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a literal, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str, dialect: Dialect) -> String {
    let doubled = text.replace('\'', "''");
    match dialect {
        Dialect::Postgres if text.contains('\\') => format!("E'{}'", doubled.replace('\\', "\\\\")),
        _ => format!("'{doubled}'"),
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
    fn values_and_names_are_quoted() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's", Dialect::Postgres), "'it''s'");
        assert_eq!(literal(r"a\'", Dialect::Postgres), r"E'a\\'''");
        assert_eq!(literal(r"a\'", Dialect::Sqlite), r"'a\'''");
        assert_eq!(optional(None, Dialect::Sqlite), "NULL");
        assert_eq!(bytes(&[0, 255], Dialect::Postgres), "pg_catalog.decode('00ff', 'hex')");
        assert_eq!(bytes(&[0, 255], Dialect::Sqlite), "x'00ff'");
    }
}
