//! Was it done? For statements that run outside a transaction, and whose end was not seen because the connection was lost.

use super::{
    index::{self, IndexState, Table, literal, qualified},
    look::query,
};
use crate::MigrateError;
use database::postgres::Session;

/// A statement that cannot run in a transaction. Names as in [`index`]: without quotes, as the catalog keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lone<'a> {
    /// `CREATE INDEX CONCURRENTLY`
    CreateIndex {
        /// The index; nothing when PostgreSQL chooses the name.
        name: Option<&'a str>,
        /// Its table.
        table: Table<'a>,
    },
    /// `DROP INDEX CONCURRENTLY`
    DropIndex {
        /// Its schema; without one `search_path` decides.
        schema: Option<&'a str>,
        /// Its name.
        name: &'a str,
    },
    /// `ALTER TYPE … ADD VALUE`
    AddValue {
        /// The type's schema; without one `search_path` decides.
        schema: Option<&'a str>,
        /// The type's name.
        name: &'a str,
        /// The new value.
        value: &'a str,
    },
    /// `CREATE DATABASE`
    CreateDatabase {
        /// Its name.
        name: &'a str,
    },
    /// `DROP DATABASE`
    DropDatabase {
        /// Its name.
        name: &'a str,
    },
    /// `VACUUM`, `REINDEX`, `ALTER SYSTEM` and the like: doing it once more does no harm.
    Repeatable,
    /// Anything else.
    Unknown,
}

/// Was it done?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It was: don't run it again.
    Yes,
    /// It was not, or running it again does no harm.
    No,
    /// Somebody must look.
    CannotTell,
}

/// Was it done? Asked once the server process that had it is gone: before that, "no" would only mean "not yet".
///
/// `Yes` also when it was so before the statement ran: then it would have failed, or had nothing to do.
pub(crate) async fn resolved(session: &Session, statement: &Lone<'_>) -> Result<Happened, MigrateError> {
    match *statement {
        Lone::CreateIndex { name: Some(name), table } => Ok(of_index(&index::state(session, table, name).await?)),
        Lone::CreateIndex { name: None, .. } | Lone::Unknown => Ok(Happened::CannotTell),
        Lone::DropIndex { schema, name } => {
            let name = literal(&qualified(schema, name));
            ask(session, &format!("SELECT pg_catalog.to_regclass({name}) IS NULL")).await
        }
        Lone::AddValue { schema, name, value } => {
            let (name, value) = (literal(&qualified(schema, name)), literal(value));
            ask(
                session,
                &format!(
                    "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype({name}) AND enumlabel = {value})"
                ),
            )
            .await
        }
        Lone::CreateDatabase { name } => ask(session, &format!("SELECT {}", database(name))).await,
        Lone::DropDatabase { name } => ask(session, &format!("SELECT NOT {}", exists(name))).await,
        Lone::Repeatable => Ok(Happened::No),
    }
}

/// An invalid index is one that was not made; [`super::lone`] drops it before the next try.
fn of_index(state: &IndexState) -> Happened {
    match state {
        IndexState::Valid => Happened::Yes,
        IndexState::Building { .. } => Happened::CannotTell,
        IndexState::Absent | IndexState::Invalid | IndexState::OtherTable { .. } | IndexState::Taken => Happened::No,
    }
}

fn exists(name: &str) -> String {
    format!("EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = {})", literal(name))
}

/// A database whose DROP was cut short has the limit -2 (PostgreSQL manual, `pg_database`): it is none any more.
fn database(name: &str) -> String {
    format!("EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = {} AND datconnlimit <> -2)", literal(name))
}

async fn ask(session: &Session, sql: &str) -> Result<Happened, MigrateError> {
    let rows = query(session, "look what a lost statement has done", sql).await?;
    let done = rows.first().and_then(|row| row.try_get(0).ok().flatten()) == Some("t");
    Ok(if done { Happened::Yes } else { Happened::No })
}
