//! The lock for a command that migrates an SQLite file: `app.db.migrate-lock` beside `app.db`.

use crate::{
    Holder, MigrateError,
    job::Run,
    lock::{Next, Waiting},
};
use host::lock::{InstanceLock, LockError};
use retry::Transience;
use std::path::{Path, PathBuf};
use tokio::time::{Instant, sleep};

/// Waits for it. The kernel takes it back when its holder ends.
pub(super) async fn take(run: &Run<'_>, database: &Path) -> Result<InstanceLock, MigrateError> {
    let path = beside(database);
    let (started, mut waiting) = (Instant::now(), Waiting::new(run.job.migrations.lock_timeout));
    loop {
        let holder = match InstanceLock::acquire(&path, &run.job.who.session_name()) {
            Ok(lock) => {
                run.waited(started.elapsed());
                return Ok(lock);
            }
            Err(LockError::Held { holder, .. }) => described(&holder),
            Err(error) => return Err(broken(&error)),
        };
        let waited = started.elapsed();
        match waiting.refused(waited) {
            Next::GiveUp => return Err(MigrateError::Locked { waited, holder }),
            Next::Wait { wait, say } => {
                if say {
                    run.job.say_waiting(&holder, waited);
                }
                sleep(wait).await;
            }
        }
    }
}

fn broken(error: &LockError) -> MigrateError {
    MigrateError::Sql { doing: "take the migration lock", error: error.to_string(), transience: Transience::Permanent }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".migrate-lock");
    name.into()
}

fn described(holder: &host::lock::Holder) -> Holder {
    Holder { pid: Some(holder.pid.into()), application: Some(holder.command.clone()), ..Holder::default() }
}
