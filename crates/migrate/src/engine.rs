//! The two kinds of databases behind one face, so that each verb is told once.

use crate::{
    MigrateError,
    catalog::Catalog,
    failpoint::reach,
    job::Run,
    postgres,
    read_set::ReadSet,
    sqlite,
    work::{Step, Work},
};
use config::Target;
use std::{borrow::Cow, time::Duration};

/// The texts or NULLs of a row.
pub(crate) type Cells = Vec<Option<String>>;

/// The same of a row that is just being read.
pub(crate) type Passing<'r> = [Option<Cow<'r, str>>];

/// A row as it is kept.
pub(crate) fn owned(row: &Passing<'_>) -> Cells {
    row.iter().map(|cell| cell.as_deref().map(str::to_owned)).collect()
}

/// A database that is open for migrating.
pub(crate) enum Engine {
    /// PostgreSQL.
    Postgres(Box<postgres::Engine>),
    /// SQLite.
    Sqlite(Box<sqlite::Engine>),
}

impl Engine {
    /// Connects.
    pub(crate) async fn open(run: &Run<'_>) -> Result<Self, MigrateError> {
        match run.job.target {
            Target::Postgres(dsn) => postgres::Engine::open(run, dsn).await.map(Box::new).map(Self::Postgres),
            Target::Sqlite(path) => sqlite::Engine::open(path).await.map(Box::new).map(Self::Sqlite),
            other => Err(MigrateError::WrongTarget { kind: other.kind() }),
        }
    }

    /// Connects, acts, and closes whatever came of it.
    ///
    /// # Errors
    /// Why it could not act; else why it could not close.
    pub(crate) async fn with<T>(
        run: &Run<'_>,
        act: impl AsyncFnOnce(&mut Engine) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        let mut engine = Self::open(run).await?;
        let result = act(&mut engine).await;
        let closed = engine.close(run).await;
        result.and_then(|answer| closed.map(|()| answer))
    }

    /// A COMMIT of an earlier attempt that was never answered: waits until the server is done with it.
    pub(crate) async fn settle(&self, run: &Run<'_>) -> Result<(), MigrateError> {
        match self {
            Self::Postgres(engine) => engine.settle(run).await,
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// What there is. `also` is a table's name, with or without a schema, beside the known ones.
    pub(crate) async fn catalog(&self, also: Option<&str>) -> Result<Catalog, MigrateError> {
        match self {
            Self::Postgres(engine) => engine.catalog(also).await,
            Self::Sqlite(engine) => engine.catalog(also).await,
        }
    }

    /// The rows of one question of ours. `doing` is for the message when PostgreSQL refuses it; SQLite's words do without.
    pub(crate) async fn ask(&self, doing: &'static str, sql: String) -> Result<Vec<Cells>, MigrateError> {
        self.each(doing, sql, owned).await
    }

    /// The same, each row made into something as it comes.
    pub(crate) async fn each<T: Send + 'static>(
        &self,
        doing: &'static str,
        sql: String,
        of: fn(&Passing<'_>) -> T,
    ) -> Result<Vec<T>, MigrateError> {
        match self {
            Self::Postgres(engine) => engine.each(doing, &sql, of).await,
            Self::Sqlite(engine) => engine.each(sql, of).await,
        }
    }

    /// Takes the lock that makes us the only one who migrates, and with it those of other tools (`keys`). On SQLite that is
    /// the write lock, which every step takes by itself.
    ///
    /// # Errors
    /// [`MigrateError::Locked`] when the time is up, or why the database cannot be written to.
    pub(crate) async fn lock(&mut self, run: &Run<'_>, catalog: &Catalog, keys: &[i64]) -> Result<(), MigrateError> {
        if let Self::Postgres(engine) = self {
            engine.lock(run, catalog, keys).await?;
        }
        reach(run.job, "lock.held");
        Ok(())
    }

    /// Writes something of our own, all or nothing.
    pub(crate) async fn write(
        &mut self,
        run: &Run<'_>,
        doing: &'static str,
        sql: Vec<String>,
    ) -> Result<(), MigrateError> {
        reach(run.job, "ledger.write");
        match self {
            Self::Postgres(engine) => engine.write(doing, &sql).await,
            Self::Sqlite(engine) => engine.write_if(run, sql, ReadSet::default()).await.map(drop),
        }?;
        reach(run.job, "ledger.written");
        Ok(())
    }

    /// The same, unless somebody else has changed what was seen.
    pub(crate) async fn write_if(
        &mut self,
        run: &Run<'_>,
        doing: &'static str,
        sql: Vec<String>,
        seen: ReadSet,
    ) -> Result<Step<()>, MigrateError> {
        match self {
            Self::Postgres(_) => self.write(run, doing, sql).await.map(Step::Done),
            Self::Sqlite(engine) => engine.write_if(run, sql, seen).await,
        }
    }

    /// Runs one direction of a migration and remembers it.
    ///
    /// # Errors
    /// What of it was kept is told by the error.
    pub(crate) async fn perform(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<Step<Duration>, MigrateError> {
        let step = match self {
            Self::Postgres(engine) => engine.perform(run, work).await,
            Self::Sqlite(engine) => engine.perform(run, work).await,
        }?;
        reach(run.job, "migration.done");
        Ok(step)
    }

    /// Gives the locks back, sees to it that all is on disk, and ends the connections.
    pub(crate) async fn close(self, run: &Run<'_>) -> Result<(), MigrateError> {
        match self {
            Self::Postgres(engine) => engine.close(run).await,
            Self::Sqlite(engine) => engine.close(run).await,
        }
    }
}
