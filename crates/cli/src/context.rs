//! What every verb gets: the world as it was at the start.

use crate::terminal::Terminal;
use host::{Clock, Env, SystemClock, process::SystemSpawner};
use jiff::Timestamp;
use report::{Finding, Outcome};
use std::{io, os::fd::OwnedFd, path::PathBuf, sync::Arc};

/// The world as it was at the start, and the seams to it.
#[derive(Clone)]
pub(crate) struct Context {
    /// The environment, read once.
    pub(crate) env: Env,
    /// The working directory. Absolute.
    pub(crate) cwd: PathBuf,
    /// Name of the operating system's user.
    pub(crate) user: Option<String>,
    /// Where everything is told.
    pub(crate) terminal: Arc<Terminal>,
    /// Wall time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Starts children.
    pub(crate) spawner: Arc<SystemSpawner>,
    /// What an earlier version of this process has left for us.
    pub(crate) left: Option<Arc<io::Result<OwnedFd>>>,
}

impl Context {
    /// By the calendar, for what is told to people.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    /// Looks round once. Call it on the runtime: the spawner waits for children there.
    pub(crate) fn new(terminal: Arc<Terminal>) -> Result<Self, Finding> {
        let cwd = std::env::current_dir().map_err(|error| {
            Finding::error("there is no working directory").because(&error).hint("go to a directory that exists")
        })?;
        let spawner =
            SystemSpawner::new().map_err(|error| Finding::error("children cannot be waited for").because(&error))?;
        let mut env = host::env::read();
        let left = host::handover::left(&mut env).map(Arc::new);
        Ok(Self {
            env,
            left,
            cwd,
            user: host::user::user_name(),
            terminal,
            clock: Arc::new(SystemClock),
            spawner: Arc::new(spawner),
        })
    }
}

/// Tells every finding; answers with `outcome`.
pub(crate) fn tell(context: &Context, findings: &[Finding], outcome: Outcome) -> Outcome {
    findings.iter().for_each(|finding| context.terminal.finding(finding));
    outcome
}
