//! Files in memory and databases that SQL is tried on, for the tests of the styles.

use super::{Column, Flaw, Part, Record, Style, Table};
use crate::{
    Migration,
    directory::{Directory, RawFile, parse},
    ledger::Row,
    sql::Dialect,
};
use proptest::{collection::vec, prelude::*, sample::select};
use rusqlite::{Connection, types::ValueRef};
use std::{collections::BTreeMap, path::Path, time::Duration};
use testkit::{Cluster, Session};

/// The migrations in these files, names and texts.
pub(super) fn directory(style: &dyn Style, files: &[(&str, &str)]) -> Directory {
    let file = |(name, text): &(&str, &str)| RawFile {
        name: (*name).into(),
        dir: Path::new("").into(),
        content: Ok(text.as_bytes().into()),
    };
    parse(files.iter().map(file), Path::new(""), style, &BTreeMap::new()).expect("the files can be read")
}

/// A migration of no length.
pub(super) fn record(migration: &Migration) -> Record<'_> {
    Record { migration, took: Duration::from_millis(7), statements: &[] }
}

/// The table of a style; columns are names and types.
pub(super) fn table(style: &dyn Style, dialect: Dialect, columns: &[(&str, &str)]) -> Table {
    let (schema, name) = style.table();
    let schema = (dialect == Dialect::Postgres).then(|| schema.unwrap_or("public").to_owned());
    let column = |(name, kind): &(&str, &str)| Column { name: (*name).into(), kind: (*kind).into(), needed: false };
    Table { schema, name: name.into(), columns: columns.iter().map(column).collect(), dialect }
}

/// Texts of lines that a tool may read as directives, with other lines and characters of several bytes between them.
pub(super) fn texts(directives: &'static [&'static str]) -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => select(directives).prop_map(str::to_owned),
        2 => select(&["select 1;", "select 'ä", "-- ü", "", "  ", "$", "${A:-ö}", "x --;"][..]).prop_map(str::to_owned),
        1 => "[ -~äö]{0,12}",
    ];
    (vec(line, 0..9), any::<bool>()).prop_map(|(lines, end)| lines.join("\n") + if end { "\n" } else { "" })
}

/// Whatever a text says, it is read or refused, and what is pointed at is there.
pub(super) fn is_sound(style: &dyn Style, text: &str) {
    match style.read_text(Part::Both, text, &BTreeMap::new()) {
        Ok(sections) => {
            let all = sections.up.iter().chain(sections.down.iter().flatten());
            assert!(all.map(|it| it.range.clone()).all(|range| sections.text.get(range).is_some()), "{text:?}");
            assert!(!sections.up.is_empty(), "{text:?}");
        }
        Err(flaw) => assert!(text.get(flaw.range.clone()).is_some(), "{text:?} {flaw:?}"),
    }
}

/// What a flaw says and the text that it points at.
pub(super) fn told(text: &str, flaw: &Flaw) -> (String, String) {
    (flaw.message.clone(), text[flaw.range.clone()].to_owned())
}

/// A database that SQL is tried on.
pub(super) enum Base {
    Postgres(Session, #[expect(dead_code, reason = "lives as long as the session")] Cluster),
    Sqlite(Connection),
}

impl Base {
    /// One of each kind, both empty.
    pub(super) fn both() -> [Self; 2] {
        [Self::postgres(), Self::Sqlite(Connection::open_in_memory().expect("SQLite opens"))]
    }

    pub(super) fn postgres() -> Self {
        let cluster = Cluster::start();
        Self::Postgres(cluster.session("postgres", "postgres").expect("PostgreSQL lets us in"), cluster)
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(..) => Dialect::Postgres,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Runs statements in one message, as the engines do.
    pub(super) fn run(&mut self, sql: &[String]) {
        let sql = sql.join(";\n");
        match self {
            Self::Postgres(session, _) => drop(session.query(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))),
            Self::Sqlite(connection) => {
                connection.execute_batch(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
            }
        }
    }

    /// The rows of a question as texts.
    pub(super) fn ask(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self {
            Self::Postgres(session, _) => session.query(sql).unwrap_or_else(|error| panic!("{error}\n{sql}")),
            Self::Sqlite(connection) => asked(connection, sql).unwrap_or_else(|error| panic!("{error}\n{sql}")),
        }
    }

    /// The same, a line for each row, as `psql` prints it.
    pub(super) fn lines(&mut self, sql: &str) -> Vec<String> {
        let line = |row: Vec<Option<String>>| {
            row.into_iter().map(|cell| cell.unwrap_or_default()).collect::<Vec<_>>().join("|")
        };
        self.ask(sql).into_iter().map(line).collect()
    }

    /// What the style reads out of its table.
    pub(super) fn rows(&mut self, style: &dyn Style, table: &Table) -> Vec<Row> {
        let cells = self.ask(&style.select(table));
        assert!(cells.iter().all(|cells| cells.len() == 6));
        cells.iter().map(|cells| Row::of(cells)).collect()
    }
}

fn asked(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        other => Some(other.as_str().expect("only texts and numbers are read").to_owned()),
    };
    let rows = statement.query_map([], |row| (0..width).map(|index| row.get_ref(index).map(text)).collect())?;
    rows.collect()
}
