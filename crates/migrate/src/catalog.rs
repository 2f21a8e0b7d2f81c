//! What a database has before anything is done: where it is, and the tables that may be ledgers.

use crate::{
    history::{HISTORY, JOURNAL},
    sql::Dialect,
    style::{Column, Table},
};

/// What a database has before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catalog {
    pub(crate) dialect: Dialect,
    /// The database's name; the file's on SQLite.
    pub(crate) database: String,
    /// The first schema of `search_path` that exists; empty when none does, and on SQLite.
    pub(crate) schema: String,
    pub(crate) search_path: String,
    /// It replays a primary's log.
    pub(crate) in_recovery: bool,
    /// Transactions are read-only.
    pub(crate) read_only: bool,
    /// The tables among [`NAMES`], and the one that was asked for.
    pub(crate) tables: Vec<Table>,
}

/// Names under which tools, and people who wrote their own, keep their ledgers; and our own tables.
pub(crate) const NAMES: [&str; 10] = [
    "schema_migrations",
    "_sqlx_migrations",
    "refinery_schema_history",
    "flyway_schema_history",
    "goose_db_version",
    "migrations",
    "_migrations",
    HISTORY,
    JOURNAL,
    "mainstay_lock",
];

/// The schema that Supabase keeps its table in.
pub(crate) const SUPABASE: &str = "supabase_migrations";

impl Catalog {
    /// The table of this name, there or not; `schema` is the current one when none is given.
    pub(crate) fn table(&self, schema: Option<&str>, name: &str) -> Table {
        let schema = match self.dialect {
            Dialect::Postgres => Some(schema.unwrap_or(&self.schema).to_owned()),
            Dialect::Sqlite => None,
        };
        let found = self.tables.iter().find(|table| table.name == name && table.schema == schema).cloned();
        found.unwrap_or_else(|| Table { schema, name: name.to_owned(), columns: Vec::new(), dialect: self.dialect })
    }

    /// One of our own tables, in the schema of the ledger.
    pub(crate) fn beside(&self, ledger: &Table, name: &str) -> Table {
        self.table(ledger.schema.as_deref(), name)
    }
}

/// Tables from lines of schema, table, column, type and whether a value is needed (`t`), separated by tabs; ordered.
pub(crate) fn tables(lines: &str, dialect: Dialect) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in lines.lines() {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || cells.next().unwrap_or_default();
        let schema = Some(next()).filter(|schema| !schema.is_empty());
        let (name, column) = (next(), Column { name: next(), kind: next(), needed: next() == "t" });
        match tables.last_mut().filter(|table| table.name == name && table.schema == schema) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { schema, name, columns: vec![column], dialect }),
        }
    }
    tables
}
