//! Was it done? For statements that run outside a transaction, and whose end was not seen because the connection was lost.

use super::{
    ask::cell,
    index::{self, IndexState},
};
use crate::{
    MigrateError,
    sql::{Name, Nature},
};
use database::postgres::{Session, literal};

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
pub(crate) async fn resolved(session: &Session, nature: &Nature) -> Result<Happened, MigrateError> {
    match nature {
        Nature::CreateIndexConcurrently { name: Some(name), table } => {
            Ok(of_index(&index::state(session, table, &name.object).await?))
        }
        Nature::DropIndexConcurrently { names } => ask(session, &are_gone(names)).await,
        Nature::AlterTypeAddValue { type_name, value } => ask(session, &has_value(type_name, value)).await,
        Nature::CreateDatabase { name } => ask(session, &is_whole(&name.object)).await,
        Nature::DropDatabase { name } => ask(session, &format!("NOT {}", exists(&name.object))).await,
        Nature::Vacuum
        | Nature::ReindexConcurrently
        | Nature::Reindex
        | Nature::AlterSystem
        | Nature::ClusterAll
        | Nature::DiscardAll
        | Nature::MoveDatabase => Ok(Happened::No),
        // Without a name there is nothing to look for.
        Nature::CreateIndexConcurrently { name: None, .. }
        | Nature::InTransaction
        | Nature::Tablespace
        | Nature::DetachConcurrently
        | Nature::Subscription
        | Nature::Call => Ok(Happened::CannotTell),
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

/// The server drops one at a time.
fn are_gone(names: &[Name]) -> String {
    let gone = names.iter().map(|name| format!("pg_catalog.to_regclass({}) IS NULL", literal(&name.quoted())));
    ["true".to_owned()].into_iter().chain(gone).collect::<Vec<_>>().join(" AND ")
}

fn has_value(type_name: &Name, value: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype({}) AND enumlabel = {})",
        literal(&type_name.quoted()),
        literal(value)
    )
}

fn exists(database: &str) -> String {
    format!("EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = {})", literal(database))
}

/// A database whose DROP was cut short has the limit -2 (PostgreSQL manual, `pg_database`): it is none any more.
fn is_whole(database: &str) -> String {
    let name = literal(database);
    format!("EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = {name} AND datconnlimit <> -2)")
}

async fn ask(session: &Session, condition: &str) -> Result<Happened, MigrateError> {
    let done = cell(session, "look what a lost statement has done", &format!("SELECT {condition}")).await?;
    Ok(if done.as_deref() == Some("t") { Happened::Yes } else { Happened::No })
}
