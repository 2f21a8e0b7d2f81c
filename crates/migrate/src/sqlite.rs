//! Migrations on SQLite: the write lock of the database is the migration lock.
//!
//! For each file: `BEGIN IMMEDIATE`; look whether somebody else has written meanwhile, and if so whether this file is still the
//! next one; run it, write its row, commit. Whoever has the write lock knows what the others have done.
//!
//! Foreign keys are enforced while a file runs. SQLite's recipe for changing a table needs them off, and the pragma has no
//! effect inside a transaction (sqlite.org, "Making Other Kinds Of Table Schema Changes"); a file that has
//! `PRAGMA foreign_keys = OFF` in it is therefore run with them off, and `foreign_key_check` has to find nothing before
//! COMMIT that it did not find before the file.
//!
//! In WAL mode with `synchronous = NORMAL` a COMMIT does not wait for the disk; the checkpoint at the end does. What is lost
//! with the machine is lost as a whole, file and row.

mod apply;
mod ask;
mod failure;
mod orphans;
mod perform;
mod stop;

use crate::{
    Holder, MigrateError,
    catalog::Catalog,
    engine::{Cells, Passing, owned},
    failpoint::reach,
    job::Run,
    lock::{Next, Waiting},
    read_set::ReadSet,
    work::Step,
};
use database::sqlite::refusal;
use rusqlite::Connection;
use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// A database file that is open for migrating.
pub(crate) struct Engine {
    desk: Arc<Desk>,
    written: bool,
}

/// What the thread that works shares with us.
pub(crate) struct Desk {
    path: PathBuf,
    /// None where there is no file yet: looking makes none.
    connection: Mutex<Option<Connection>>,
    /// What the connection said last about changes by others.
    version: Mutex<Option<i64>>,
}

impl Desk {
    /// The connection; opened again to look, where a file that left traces has taken it along, or the lock was given back.
    fn reader(&self) -> Result<MutexGuard<'_, Option<Connection>>, MigrateError> {
        let mut slot = self.connection();
        if slot.is_none() {
            *slot = ask::open_to_read(&self.path)?;
        }
        Ok(slot)
    }

    fn version(&self) -> MutexGuard<'_, Option<i64>> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction that is open is rolled back.
    fn drop_connection(&self, slot: &mut Option<Connection>) {
        slot.take();
        self.version().take();
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Opens it to read; nothing is made where there is no file.
    pub(crate) async fn open(path: &Path) -> Result<Self, MigrateError> {
        let path = path.to_owned();
        let desk = blocking(move || {
            let connection = ask::open_to_read(&path)?;
            Ok(Desk { path, connection: Mutex::new(connection), version: Mutex::default() })
        });
        Ok(Self { desk: Arc::new(desk.await?), written: false })
    }

    pub(crate) async fn catalog(&self, also: Option<&str>) -> Result<Catalog, MigrateError> {
        let also = also.map(str::to_owned);
        self.with(move |desk| ask::catalog(desk, also.as_deref())).await
    }

    pub(crate) async fn ask(&self, sql: String) -> Result<Vec<Cells>, MigrateError> {
        self.each(sql, owned).await
    }

    pub(crate) async fn each<T: Send + 'static>(
        &self,
        sql: String,
        of: fn(&Passing<'_>) -> T,
    ) -> Result<Vec<T>, MigrateError> {
        self.with(move |desk| match &*desk.reader()? {
            Some(connection) => ask::each(connection, &sql, of).map_err(|error| refused(&error, &desk.path)),
            None => Ok(Vec::new()),
        })
        .await
    }

    /// Writes something of our own, all or nothing, if what was `seen` is still so under the write lock.
    pub(crate) async fn write_if(
        &mut self,
        run: &Run<'_>,
        sql: Vec<String>,
        seen: ReadSet,
    ) -> Result<Step<()>, MigrateError> {
        self.written = true;
        let mut busy = Busy::new(run);
        let all = Arc::new((sql.join(";\n"), seen));
        loop {
            let all = Arc::clone(&all);
            match self.with(move |desk| apply::write(desk, &all.0, &all.1)).await? {
                Some(step) => return Ok(step),
                None => busy.wait(run).await?,
            }
        }
    }

    /// All that was committed goes to the disk.
    pub(crate) async fn close(self, run: &Run<'_>) -> Result<(), MigrateError> {
        if !self.written {
            return Ok(());
        }
        reach(run.job, "flush");
        self.with(apply::checkpoint).await?;
        reach(run.job, "flushed");
        Ok(())
    }

    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Desk) -> Result<T, MigrateError> + Send + 'static,
    ) -> Result<T, MigrateError> {
        let desk = Arc::clone(&self.desk);
        blocking(move || act(&desk)).await
    }
}

/// The wait for somebody else's write lock; who that is, SQLite does not tell.
struct Busy {
    since: Instant,
    waiting: Waiting,
}

impl Busy {
    fn new(run: &Run<'_>) -> Self {
        Self { since: Instant::now(), waiting: Waiting::new(run.job.migrations.lock_timeout) }
    }

    async fn wait(&mut self, run: &Run<'_>) -> Result<(), MigrateError> {
        let waited = self.since.elapsed();
        match self.waiting.refused(waited) {
            Next::GiveUp => Err(MigrateError::Locked { waited, holder: Holder::default() }),
            Next::Wait { wait, say } => {
                if say {
                    run.job.say_waiting(&Holder::default(), waited);
                }
                sleep(wait).await;
                run.waited(wait);
                Ok(())
            }
        }
    }
}

pub(crate) fn refused(error: &rusqlite::Error, path: &Path) -> MigrateError {
    MigrateError::Refused(refusal(error, path))
}

/// SQLite blocks; the runtime must not.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, MigrateError> + Send + 'static,
) -> Result<T, MigrateError> {
    match spawn_blocking(act).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // Only a runtime that shuts down cancels it, and then nobody reads this.
        Err(_) => Err(MigrateError::LockLost),
    }
}
