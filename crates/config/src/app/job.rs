//! A command that is run when it is due.

use super::Stop;
use crate::Rhythm;
use retry::Backoff;
use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

/// A command that is run when it is due. Prints its variables by name alone.
#[derive(Clone, PartialEq)]
pub struct Job {
    /// As it is called in logs; no service has the same name.
    pub name: String,
    /// When it is due.
    pub rhythm: Rhythm,
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Working directory. Absolute.
    pub cwd: PathBuf,
    /// Variables on top of [`App::env`](crate::App::env).
    pub env: BTreeMap<String, String>,
    /// Dependencies it needs, by name.
    pub needs: Vec<String>,
    /// What becomes of a run that is due while another one is at work.
    pub overlap: Overlap,
    /// Is a missed run made up for, once?
    pub catch_up: bool,
    /// No run takes longer.
    pub timeout: Option<Duration>,
    /// How often a run that failed is tried again.
    pub retries: u32,
    /// The pauses before that.
    pub backoff: Backoff,
    /// The PostgreSQL whose advisory lock lets only one host run it, one of [`App::dependencies`](crate::App::dependencies).
    pub single: Option<String>,
    /// Asked for after a run that ended well.
    pub ping_success: Option<String>,
    /// Asked for after a run that failed.
    pub ping_failure: Option<String>,
    /// How it is stopped.
    pub stop: Stop,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("rhythm", &self.rhythm)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys())
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// What becomes of a run that is due while another one of the same job is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It follows; one at most waits.
    Queue,
    /// The other one is stopped.
    Replace,
}
