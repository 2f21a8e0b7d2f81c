//! Migrations on SQLite: the write lock of the database is the migration lock.
//!
//! For each file: look which is next; `BEGIN IMMEDIATE`; look again; run it, write its row, commit. Whoever has the write
//! lock knows what the others have done. A fresh connection for each file, so that what a file set is gone.
//!
//! Foreign keys are enforced while a file runs. SQLite's recipe for changing a table needs them off, and the pragma has no
//! effect inside a transaction (sqlite.org, "Making Other Kinds Of Table Schema Changes"); a file that has
//! `PRAGMA foreign_keys = OFF` in it is therefore run with them off, and `foreign_key_check` has to find nothing before
//! COMMIT.

mod apply;
mod look;
mod stop;

pub(crate) use look::{exists, rows_of};

use look::rows;
use stop::Stop;

use crate::{
    Holder, MigrateError,
    directory::Directory,
    job::{Applied, Run},
    ledger,
    lock::{Next, Waiting},
    run::refuse_obstacles,
};
use config::Target;
use database::sqlite::open;
use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// What one look at the database came to.
enum Step {
    /// Nothing is pending.
    Current,
    /// Somebody else writes.
    Busy,
    /// This file was applied; there may be more.
    Applied(Applied),
    /// Somebody else was faster; look again.
    Overtaken,
}

/// One attempt: applies what is pending. When it is dropped, the file that is being applied is rolled back.
pub(crate) async fn up(run: &Run<'_>, path: &Path, directory: Directory) -> Result<(), MigrateError> {
    let place: Arc<(PathBuf, Directory)> = Arc::new((path.to_owned(), directory));
    let look = place.clone();
    let pending = blocking(move || first_look(&look.0, &look.1)).await?;
    run.looked(pending);
    if pending == 0 {
        return Ok(());
    }
    let mut busy = Busy::new(run);
    let stop = Stop::default();
    let _waiting = stop.waiting();
    loop {
        let (place, kept, stop) = (place.clone(), run.kept(), stop.clone());
        match blocking(move || apply::next(&place.0, &place.1, kept, &stop)).await? {
            Step::Current => return Ok(()),
            Step::Overtaken => {}
            Step::Busy => busy.wait(run).await?,
            Step::Applied(applied) => {
                run.applied(applied);
                busy = Busy::new(run);
            }
        }
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

/// How many files are pending. No lock, and no file where there was none.
fn first_look(path: &Path, directory: &Directory) -> Result<usize, MigrateError> {
    let rows = match look::rows_of(path) {
        // A database that a crash left behind may have to be mended before it can be read, and that is a write.
        Err(MigrateError::Refused(_)) => rows(&open(path).map_err(MigrateError::Refused)?, path)?,
        looked => looked?,
    };
    let pending = ledger::pending(&directory.migrations, &rows).map_err(MigrateError::Conflicts)?;
    refuse_obstacles(&pending, &Target::Sqlite(path.to_owned()))?;
    Ok(pending.len())
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
