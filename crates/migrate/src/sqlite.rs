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

pub(crate) use look::{exists, open_to_read, rows};

use crate::{
    Holder, MigrateError,
    directory::Directory,
    job::{Applied, Run},
    ledger,
    lock::{Next, Waiting},
    run::refuse_obstacles,
};
use config::Target;
use std::{panic::resume_unwind, path::Path, sync::Arc};
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

/// One attempt: applies what is pending.
pub(crate) async fn up(run: &Run<'_>, path: &Path, directory: Directory) -> Result<(), MigrateError> {
    let directory = Arc::new(directory);
    let pending = {
        let (path, directory) = (path.to_owned(), directory.clone());
        blocking(move || first_look(&path, &directory)).await?
    };
    run.looked(pending);
    if pending == 0 {
        return Ok(());
    }
    let mut since = Instant::now();
    let mut waiting = Waiting::new(run.job.migrations.lock_timeout);
    loop {
        let (path, directory, kept) = (path.to_owned(), directory.clone(), run.kept());
        match blocking(move || apply::next(&path, &directory, kept)).await? {
            Step::Current => return Ok(()),
            Step::Overtaken => {}
            Step::Applied(applied) => {
                run.applied(applied);
                (since, waiting) = (Instant::now(), Waiting::new(run.job.migrations.lock_timeout));
            }
            Step::Busy => match waiting.refused(since.elapsed()) {
                Next::GiveUp => {
                    return Err(MigrateError::Locked { waited: since.elapsed(), holder: Holder::default() });
                }
                Next::Wait { wait, say } => {
                    if say {
                        run.job.say_waiting(&Holder::default(), since.elapsed());
                    }
                    sleep(wait).await;
                    run.waited(wait);
                }
            },
        }
    }
}

/// How many files are pending. No lock, and no file where there was none.
fn first_look(path: &Path, directory: &Directory) -> Result<usize, MigrateError> {
    let rows = match open_to_read(path)? {
        Some(connection) => rows(&connection, path)?,
        None => Vec::new(),
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
