//! What a statement is, as far as a transaction block is concerned.

use super::{Dialect, name::Name, reader::Reader, split::Statement};

/// What a statement is: an ordinary one, or one that PostgreSQL refuses inside a transaction block, with what is needed to look
/// afterwards whether it happened.
///
/// The list follows the callers of `PreventInTransactionBlock` in PostgreSQL 18. A partitioned table cannot be told from a plain one
/// in the text, so `REINDEX TABLE` and `CLUSTER` of one are taken for ordinary and refused by the server (SQLSTATE 25001).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It can share a transaction with others.
    InTransaction,
    /// `CREATE INDEX CONCURRENTLY`: when it fails, an invalid index stays behind.
    CreateIndexConcurrently {
        /// The index; the server chooses a name when the statement tells none.
        name: Option<Name>,
        /// The table.
        table: Name,
    },
    /// `DROP INDEX CONCURRENTLY`
    DropIndexConcurrently {
        /// The indexes; the server takes one at a time.
        names: Vec<Name>,
    },
    /// `REINDEX … CONCURRENTLY`: when it fails, an invalid index whose name ends in `_ccnew` stays behind.
    ReindexConcurrently,
    /// `REINDEX` of a schema, a database or the system's catalogs.
    Reindex,
    /// `VACUUM`
    Vacuum,
    /// `ALTER TYPE … ADD VALUE`: allowed inside a transaction since PostgreSQL 12, but the value may be used only after COMMIT.
    AlterTypeAddValue {
        /// The type.
        type_name: Name,
        /// The value.
        value: String,
    },
    /// `CREATE DATABASE`
    CreateDatabase {
        /// The database.
        name: Name,
    },
    /// `DROP DATABASE`
    DropDatabase {
        /// The database.
        name: Name,
    },
    /// `ALTER DATABASE … SET TABLESPACE`
    MoveDatabase,
    /// `ALTER SYSTEM`
    AlterSystem,
    /// `CREATE TABLESPACE`, `DROP TABLESPACE`
    Tablespace,
    /// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`
    DetachConcurrently,
    /// `CREATE`, `ALTER` or `DROP SUBSCRIPTION`, which talks to the other server.
    Subscription,
    /// `CLUSTER` of all tables.
    ClusterAll,
    /// `DISCARD ALL`
    DiscardAll,
    /// `CALL`, or a `DO` block with `COMMIT` or `ROLLBACK` in it: it may end transactions itself, and then can't run inside one.
    Call,
}

impl Nature {
    /// Does the server refuse it inside a transaction block?
    pub(crate) fn stands_alone(&self) -> bool {
        !matches!(self, Nature::InTransaction | Nature::AlterTypeAddValue { .. } | Nature::Call)
    }
}

impl Statement {
    /// What it is. What is not understood is ordinary, and the server has the last word.
    pub(crate) fn nature(&self, sql: &str, dialect: Dialect) -> Nature {
        let mut reader = Reader::new(self, sql, dialect);
        let found = match dialect {
            Dialect::Postgres => special(&mut reader),
            Dialect::Sqlite => reader.skip("VACUUM").then_some(Nature::Vacuum),
        };
        found.unwrap_or(Nature::InTransaction)
    }
}

fn special(reader: &mut Reader<'_>) -> Option<Nature> {
    if reader.skip("CREATE") {
        return create(reader);
    }
    if reader.skip("DROP") {
        return drop_(reader);
    }
    if reader.skip("ALTER") {
        return alter(reader);
    }
    if reader.skip("REINDEX") {
        return reindex(reader);
    }
    if reader.skip("CLUSTER") {
        return cluster(reader);
    }
    if reader.skip("DO") {
        return reader.words_in_texts().any(|word| word == "COMMIT" || word == "ROLLBACK").then_some(Nature::Call);
    }
    match () {
        () if reader.skip("VACUUM") => Some(Nature::Vacuum),
        () if reader.skip("CALL") => Some(Nature::Call),
        () if reader.skip("DISCARD ALL") => Some(Nature::DiscardAll),
        () => None,
    }
}

fn create(reader: &mut Reader<'_>) -> Option<Nature> {
    if reader.skip_any(&["INDEX CONCURRENTLY", "UNIQUE INDEX CONCURRENTLY"]) {
        return create_index(reader);
    }
    if reader.skip("DATABASE") {
        return Some(Nature::CreateDatabase { name: reader.name()? });
    }
    if reader.skip("TABLESPACE") {
        return reader.name().map(|_| Nature::Tablespace);
    }
    if reader.skip("SUBSCRIPTION") {
        reader.name()?;
        // Without a slot to create on the other server, nothing stands against a transaction.
        let no_slot = is_off(reader, "CREATE_SLOT") || is_off(reader, "CONNECT");
        return (!no_slot).then_some(Nature::Subscription);
    }
    None
}

fn create_index(reader: &mut Reader<'_>) -> Option<Nature> {
    reader.skip("IF NOT EXISTS");
    let name = if reader.sees("ON") { None } else { Some(reader.name()?) };
    if !reader.skip("ON") {
        return None;
    }
    reader.skip("ONLY");
    let table = reader.name()?;
    // An index lies in the schema of its table, and can't be named with another.
    let name = name.map(|name| Name { schema: table.schema.clone(), ..name });
    Some(Nature::CreateIndexConcurrently { name, table })
}

fn drop_(reader: &mut Reader<'_>) -> Option<Nature> {
    if reader.skip("INDEX CONCURRENTLY") {
        reader.skip("IF EXISTS");
        return Some(Nature::DropIndexConcurrently { names: reader.names() });
    }
    if reader.skip("DATABASE") {
        reader.skip("IF EXISTS");
        return Some(Nature::DropDatabase { name: reader.name()? });
    }
    if reader.skip("TABLESPACE") {
        reader.skip("IF EXISTS");
        return reader.name().map(|_| Nature::Tablespace);
    }
    if reader.skip("SUBSCRIPTION") {
        reader.skip("IF EXISTS");
        return reader.name().map(|_| Nature::Subscription);
    }
    None
}

fn alter(reader: &mut Reader<'_>) -> Option<Nature> {
    if reader.skip("SYSTEM") {
        return Some(Nature::AlterSystem);
    }
    if reader.skip("TYPE") {
        return add_value(reader);
    }
    if reader.skip("DATABASE") {
        reader.name()?;
        return reader.skip("SET TABLESPACE").then_some(Nature::MoveDatabase);
    }
    if reader.skip("TABLE") {
        return detach(reader);
    }
    if reader.skip("SUBSCRIPTION") {
        return alter_subscription(reader);
    }
    None
}

fn add_value(reader: &mut Reader<'_>) -> Option<Nature> {
    let type_name = reader.name()?;
    if !reader.skip("ADD VALUE") {
        return None;
    }
    reader.skip("IF NOT EXISTS");
    Some(Nature::AlterTypeAddValue { type_name, value: reader.text()? })
}

fn detach(reader: &mut Reader<'_>) -> Option<Nature> {
    reader.skip("IF EXISTS");
    reader.skip("ONLY");
    reader.name()?;
    reader.skip_sign("*");
    if !reader.skip("DETACH PARTITION") {
        return None;
    }
    reader.name()?;
    reader.skip("CONCURRENTLY").then_some(Nature::DetachConcurrently)
}

/// It talks to the other server when it looks for publications anew, which `SET`, `ADD` and `DROP` do unless they are told not to.
fn alter_subscription(reader: &mut Reader<'_>) -> Option<Nature> {
    reader.name()?;
    let refreshes = reader.skip("REFRESH")
        || reader.skip_any(&["SET PUBLICATION", "ADD PUBLICATION", "DROP PUBLICATION"]) && !is_off(reader, "REFRESH");
    let slot = reader.skip("SET") && reader.clone().words().any(|word| word == "FAILOVER" || word == "TWO_PHASE");
    (refreshes || slot).then_some(Nature::Subscription)
}

/// Is `option = false` among the options that follow?
fn is_off(reader: &Reader<'_>, option: &str) -> bool {
    let mut reader = reader.clone();
    if !reader.find(&["WITH"]) {
        return false;
    }
    reader.skip("WITH");
    reader.parentheses().windows(2).any(|pair| pair[0] == option && matches!(pair[1].as_str(), "FALSE" | "OFF" | "0"))
}

fn reindex(reader: &mut Reader<'_>) -> Option<Nature> {
    let options = reader.parentheses();
    let of_one = reader.skip_any(&["INDEX", "TABLE"]);
    if !of_one && !reader.skip_any(&["SCHEMA", "DATABASE", "SYSTEM"]) {
        return None;
    }
    match reader.skip("CONCURRENTLY") || has_concurrently(&options) {
        true => Some(Nature::ReindexConcurrently),
        false => (!of_one).then_some(Nature::Reindex),
    }
}

/// The option `CONCURRENTLY` without a value, or with one that is not false.
fn has_concurrently(options: &[String]) -> bool {
    options
        .iter()
        .position(|word| word == "CONCURRENTLY")
        .is_some_and(|at| !options.get(at + 1).is_some_and(|value| matches!(value.as_str(), "FALSE" | "OFF" | "0")))
}

fn cluster(reader: &mut Reader<'_>) -> Option<Nature> {
    reader.parentheses();
    reader.skip("VERBOSE");
    reader.name().is_none().then_some(Nature::ClusterAll)
}

#[cfg(test)]
mod tests;
