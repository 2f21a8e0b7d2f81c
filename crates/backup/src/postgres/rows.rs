//! The rows of a table: how many they are, and a hash of all their values.

use super::{
    content::{Table, ours, pair, quoted},
    talk::{Cells, Talk},
};
use crate::{
    BackupError,
    content::{Content, Rows},
};
use std::collections::BTreeMap;

/// What hashes of records begin with in a manifest.
const RECORD: &str = "record:";
/// `hashtextextended` came with this version, and so did kinds of functions.
pub(super) const HASHES: u32 = 11;
/// `hash_record_extended` came with this one.
const RECORDS: u32 = 14;
/// What these hash to differs whenever they differ; a float or a numeric has several forms of one value.
const EXACT: &str =
    "'bool', 'bytea', 'char', 'date', 'int2', 'int4', 'int8', 'oid', 'time', 'timestamp', 'timestamptz', 'uuid'";
/// So do these, byte by byte.
const TEXTS: &str = "'text', 'varchar'";

/// What is hashed of a row. What two tables came to can only be compared in one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    None,
    /// The text of the whole row.
    Text,
    /// Values as the server keeps them where equal ones are the same, else their texts: half the work.
    Record,
}

impl Form {
    /// The best one that a server of this version has.
    pub(super) fn best(major: u32) -> Self {
        match major {
            RECORDS.. => Self::Record,
            HASHES.. => Self::Text,
            _ => Self::None,
        }
    }

    /// The one in which the tables of a manifest were hashed.
    pub(super) fn of(content: &Content) -> Self {
        match content.tables.values().find_map(|rows| rows.hash.as_ref()) {
            Some(hash) if hash.starts_with(RECORD) => Self::Record,
            Some(_) => Self::Text,
            None => Self::None,
        }
    }
}

/// How the rows of tables are read.
pub(super) struct Reading<'a> {
    talk: &'a Talk,
    form: Form,
    /// What is hashed of the rows of each table, when it is a record.
    records: BTreeMap<Table, String>,
}

impl<'a> Reading<'a> {
    pub(super) async fn begin(talk: &'a Talk, form: Form) -> Result<Self, BackupError> {
        let records = match form {
            Form::Record => talk.ask("list the columns", &columns()).await?.into_iter().filter_map(record).collect(),
            _ => BTreeMap::new(),
        };
        Ok(Self { talk, form, records })
    }

    pub(super) async fn rows(&self, table: &Table) -> Result<Rows, BackupError> {
        let sql = format!(
            "SELECT pg_catalog.count(*), coalesce({}, 0) FROM ONLY {} AS mainstay_row",
            self.hash(table),
            quoted(table)
        );
        let answer = self.talk.ask("count and hash the rows", &sql).await?.into_iter().next().and_then(pair);
        let [number, sum] = answer.unwrap_or_default();
        let hash = match self.form {
            Form::None => None,
            Form::Text => Some(sum),
            Form::Record => Some(format!("{RECORD}{sum}")),
        };
        Ok(Rows { rows: number.parse().unwrap_or_default(), hash })
    }

    /// The sum of the hashes of all rows does not depend on their order.
    fn hash(&self, table: &Table) -> String {
        match self.form {
            Form::None => "NULL".to_owned(),
            Form::Text => "pg_catalog.sum(pg_catalog.hashtextextended((mainstay_row.*)::pg_catalog.text COLLATE pg_catalog.\"C\", 0))".to_owned(),
            Form::Record => {
                let record = self.records.get(table).map_or("", String::as_str);
                format!("pg_catalog.sum(pg_catalog.hash_record_extended(ROW({record}), 0))")
            }
        }
    }
}

/// Schema, table, and what its record is made of, in the order of the names of the columns: where they stand in the table may change.
///
/// The text of a record is what the output functions of its values say; a cast to text may be anybody's.
fn columns() -> String {
    let name = "'mainstay_row.' || pg_catalog.quote_ident(a.attname)";
    let order = "ORDER BY a.attname COLLATE pg_catalog.\"C\"";
    let list = |what: &str, which: &str| format!("pg_catalog.string_agg({what}, ', ' {order}) FILTER (WHERE {which})");
    let of_system = "a.atttypid < 10000 AND t.typname";
    let exact = list(name, &format!("{of_system} IN ({EXACT})"));
    let texts = list(&format!("{name} || ' COLLATE pg_catalog.\"C\"'"), &format!("{of_system} IN ({TEXTS})"));
    let others = list(name, &format!("NOT ({of_system} IN ({EXACT}, {TEXTS}))"));
    format!(
        "SELECT n.nspname, c.relname, pg_catalog.concat_ws(', ', {exact}, {texts}, \
         'ROW(' || {others} || ')::pg_catalog.text COLLATE pg_catalog.\"C\"') \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid \
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {} GROUP BY 1, 2",
        ours("pg_class", "c.oid")
    )
}

fn record(cells: Cells) -> Option<(Table, String)> {
    let mut cells = cells.into_iter();
    Some(((cells.next()??, cells.next()??), cells.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: a copy of an earlier mainstay is compared in the form in which its rows were hashed.
    #[test]
    fn the_form_is_that_of_the_manifest() {
        let of = |hash: Option<&str>| {
            let rows = Rows { rows: 1, hash: hash.map(str::to_owned) };
            Form::of(&Content { tables: BTreeMap::from([("public.a".to_owned(), rows)]), ..Content::default() })
        };
        assert_eq!([of(None), of(Some("-12")), of(Some("record:5"))], [Form::None, Form::Text, Form::Record]);
        assert_eq!([10, 13, 14].map(Form::best), [Form::None, Form::Text, Form::Record]);
    }
}
