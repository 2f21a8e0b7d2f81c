//! What is to be copied or restored, and with what.

use crate::{Keys, Parallel, Place, Progress, Remote};
use config::Target;
use host::{Clock, Env, process::Spawner};
use jiff::Timestamp;
use report::Journal;
use std::{path::Path, time::Duration};

/// Everything a backup or a restore needs.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The application's name.
    pub app: &'a str,
    /// The database.
    pub target: &'a Target,
    /// The directory of all copies.
    pub to: &'a Path,
    /// The buckets that copies go to as well.
    pub remotes: &'a [Remote],
    /// Do copies stay in `to` once they lie in all of `remotes`?
    pub stays: bool,
    /// What copies are encrypted for and read with.
    pub keys: &'a Keys,
    /// Where databases are made for a proof; their server may be another user, who must be able to get there.
    pub ground: &'a Path,
    /// Where files of servers that nobody has used yet are kept for the next proof; nothing where they are not to be kept.
    pub templates: Option<&'a Path>,
    /// The only directory in which PostgreSQL's programs are looked for, where somebody has named one.
    pub programs: Option<&'a Path>,
    /// Large databases of PostgreSQL are dumped and restored by several processes.
    pub parallel: Parallel,
    /// A program that writes nothing for so long has hung.
    pub stall: Duration,
    /// Where programs run.
    pub root: &'a Path,
    /// The environment of programs.
    pub env: &'a Env,
    /// Starts programs.
    pub spawner: &'a dyn Spawner,
    /// Takes the events.
    pub journal: &'a dyn Journal,
    /// Wall time.
    pub clock: &'a dyn Clock,
    /// How we call ourselves in `pg_stat_activity`.
    pub session_name: &'a str,
    /// The release that runs, if it is known.
    pub release: Option<&'a str>,
    /// Is told how far it has come.
    pub progress: &'a Progress,
}

impl Job<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    /// The bucket of a copy; nothing of one that lies here.
    pub(crate) fn remote(&self, place: &Place) -> Option<&Remote> {
        self.remotes.iter().find(|remote| remote.place() == *place)
    }

    /// A place at which a test may end this process.
    pub(crate) fn reach(&self, name: &str) {
        host::failpoint::reach(self.env, name);
    }
}
