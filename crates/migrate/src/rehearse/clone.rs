//! A database beside the real one, with its schema and without its rows, for as long as the rehearsal lasts.

mod throwaway;

use super::{
    Rehearsed,
    play::{self, WITNESSED, Way},
};
use crate::{
    Goal, Job, MigrateError, dump,
    engine::Engine,
    history,
    job::Run,
    quote::{identifier, literal},
    snapshot::Snapshot,
    sql::Dialect,
};
use config::{Target, dsn::PostgresDsn};
use std::path::Path;
use throwaway::Throwaway;

/// A database beside the real one.
pub(super) struct Clone {
    database: Throwaway,
    dsn: PostgresDsn,
}

/// Left out of the clone: it must not begin to receive rows from elsewhere, or need roles and discs that are not there.
const FLAGS: [&str; 4] = ["--no-subscriptions", "--no-publications", "--no-tablespaces", "--no-security-labels"];

impl Clone {
    /// Makes it, with the rows of the ledger.
    ///
    /// # Errors
    /// The role may not; there is no `pg_dump`; the schema cannot be loaded.
    pub(super) async fn make(job: &Job<'_>, engine: &mut Engine, snapshot: &Snapshot) -> Result<Self, MigrateError> {
        let Target::Postgres(dsn) = job.target else {
            return Err(MigrateError::WrongTarget { kind: job.target.kind() });
        };
        throwaway::sweep(job, engine).await?;
        let text = schema(job, engine, snapshot).await;
        end(engine).await;
        let text = text?;
        let database = Throwaway::make(job, engine, dsn).await?;
        let dsn = PostgresDsn { database: database.name().to_owned(), ..dsn.clone() };
        load(job, &dsn, text).await?;
        Ok(Self { database, dsn })
    }

    /// Runs what is pending there, and drops it.
    pub(super) async fn play(self, job: &Job<'_>, dir: &Path, goal: &Goal) -> Result<Vec<Rehearsed>, MigrateError> {
        let target = Target::Postgres(self.dsn);
        let there = Job { target: &target, ..*job };
        let files = play(&there, dir, goal).await;
        self.database.remove(job).await;
        files
    }
}

async fn play(job: &Job<'_>, dir: &Path, goal: &Goal) -> Result<Vec<Rehearsed>, MigrateError> {
    let run = Run::new(job);
    Engine::with(&run, async |engine| {
        let snapshot = Snapshot::take(&run, engine, dir).await?;
        engine.lock(&run, &snapshot.catalog, &snapshot.co_locks()).await?;
        play::play(job, engine, dir, goal, Way::Committed).await
    })
    .await
}

/// All that the clone is made of: the schema, our tables, the rows of the ledger and of our tables, a table for the witness.
async fn schema(job: &Job<'_>, engine: &mut Engine, snapshot: &Snapshot) -> Result<String, MigrateError> {
    dump::begin(engine).await?;
    let mut text = dump::schema(job, engine, &FLAGS).await?;
    if snapshot.history.exists() && snapshot.journal.exists() {
        let create = history::create(&snapshot.history, &snapshot.journal);
        text += &create.into_iter().map(|sql| format!("{sql};\n")).collect::<String>();
    }
    for table in [&snapshot.table, &snapshot.history, &snapshot.journal].into_iter().filter(|table| table.exists()) {
        text += &dump::inserts(engine, table).await?;
    }
    Ok(text + &format!("CREATE SCHEMA mainstay_rehearsal; CREATE TABLE {WITNESSED} (relation oid, mode text);\n"))
}

/// The snapshot is not needed any more, and no database can be made inside of its transaction.
async fn end(engine: &mut Engine) {
    if let Engine::Postgres(postgres) = engine {
        postgres.roll_back().await;
    }
}

async fn load(job: &Job<'_>, dsn: &PostgresDsn, text: String) -> Result<(), MigrateError> {
    let target = Target::Postgres(dsn.clone());
    let job = Job { target: &target, ..*job };
    let run = Run::new(&job);
    Engine::with(&run, async |engine| engine.write(&run, "load the schema into the clone", vec![text]).await).await
}

/// `name = value` of a setting of the database, as ALTER DATABASE takes it. Lists come quoted from the catalog (pg_dump(1)
/// knows the same names).
fn setting(database: &str, setting: &str) -> Option<String> {
    const LISTS: [&str; 5] = [
        "search_path",
        "temp_tablespaces",
        "local_preload_libraries",
        "session_preload_libraries",
        "shared_preload_libraries",
    ];
    let (name, value) = setting.split_once('=')?;
    let value = match LISTS.contains(&name.to_ascii_lowercase().as_str()) {
        true => value.to_owned(),
        false => literal(value, Dialect::Postgres),
    };
    let name: Vec<_> = name.split('.').map(identifier).collect();
    Some(format!("ALTER DATABASE {} SET {} TO {value}", identifier(database), name.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_database_come_along() {
        let sql = |text| setting("clone", text).unwrap();
        assert_eq!(sql("search_path=app, \"$user\""), "ALTER DATABASE \"clone\" SET \"search_path\" TO app, \"$user\"");
        assert_eq!(sql("app.name=it's"), "ALTER DATABASE \"clone\" SET \"app\".\"name\" TO 'it''s'");
    }
}
