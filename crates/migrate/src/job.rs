//! What is to be migrated, and with what.

mod report;
mod run;

pub use report::{Applied, Moved, Report};

pub(crate) use report::{applied, as_seconds};
pub(crate) use run::{Run, Unsure};

use crate::{Holder, MigrateError, lock::session_name};
use ::report::{Event, Journal, Level, Lines, seconds};
use config::{MigrationSource, Migrations, Target};
use database::postgres::SqlError;
use host::{Env, process::Spawner};
use std::{path::Path, time::Duration};

/// Everything a migration needs.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// What is applied, how often it is tried, how long the lock is waited for.
    pub migrations: &'a Migrations,
    /// The database that it belongs to.
    pub target: &'a Target,
    /// The directory of `mainstay.toml`: external commands run there, and names of files are shown relative to it.
    pub root: &'a Path,
    /// The environment of the external command.
    pub env: &'a Env,
    /// Starts the external command.
    pub spawner: &'a dyn Spawner,
    /// Takes the events.
    pub journal: &'a dyn Journal,
    /// Takes the output of the external command, as lines of `migrate`.
    pub lines: &'a dyn Lines,
    /// Who we are, for those who wait for our lock.
    pub who: &'a Identity,
}

impl<'a> Job<'a> {
    /// The directory of the files; `verb` is for those alone.
    ///
    /// # Errors
    /// [`MigrateError::External`] when an external command migrates.
    pub(crate) fn dir(&self, verb: &'static str) -> Result<&'a Path, MigrateError> {
        match &self.migrations.source {
            MigrationSource::Directory(dir) => Ok(dir),
            MigrationSource::Command(_) => Err(MigrateError::External { verb }),
        }
    }

    /// Somebody else has the lock: one line every few seconds.
    pub(crate) fn say_waiting(&self, holder: &Holder, waited: Duration) {
        let left = self.migrations.lock_timeout.saturating_sub(waited);
        let text = format!(
            "waiting for the migration lock: {holder}, {} elapsed, giving up in {}",
            seconds(waited),
            seconds(left)
        );
        self.journal.note(
            Event::new("migrate.lock", text)
                .with("holder", holder.pid.unwrap_or_default())
                .with("holder_name", holder.application.clone().unwrap_or_default())
                .with("elapsed", waited)
                .with("left", left),
        );
    }

    /// Something worth somebody's look that stops nothing.
    pub(crate) fn warn(&self, name: &'static str, text: String) {
        self.journal.note(Event::new(name, text).level(Level::Warn));
    }

    /// A warning about an error of something that does not decide the outcome.
    pub(crate) fn warn_of(&self, doing: &str, error: &SqlError) {
        self.warn("migrate.warning", format!("cannot {doing}: {error}"));
    }
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The application's name.
    pub app: String,
    /// This machine's name.
    pub host: String,
    /// This process.
    pub pid: u32,
    /// The release that migrates, if it is known.
    pub release: Option<String>,
}

impl Identity {
    /// The name in `pg_stat_activity`, for whoever waits: `mainstay-migrate/web-2:4711/v12`.
    pub fn session_name(&self) -> String {
        session_name(&self.host, self.pid, self.release.as_deref())
    }

    /// Who applied it, as our history has it: `web-2:4711`.
    pub(crate) fn by(&self) -> String {
        format!("{}:{}", self.host, self.pid)
    }
}
