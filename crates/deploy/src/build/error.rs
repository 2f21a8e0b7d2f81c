//! Why nothing was built.

use report::{Finding, bytes, seconds};
use std::{io, time::Duration};

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A command failed, or could not be started.
    #[error("`{command}` {why}")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        why: String,
        /// Its last lines.
        tail: Vec<String>,
        /// So many bytes are left on the disk, when that is next to nothing.
        room: Option<u64>,
    },
    /// A command took too long, and was stopped.
    #[error("`{command}` took longer than {}", seconds(*limit))]
    TimedOut {
        /// What was run.
        command: String,
        /// How long it may take.
        limit: Duration,
        /// Its last lines.
        tail: Vec<String>,
    },
    /// A lock file cannot be read.
    #[error("{error}")]
    Lock {
        /// The cause, with the path.
        error: io::Error,
    },
    /// Those of the file system.
    #[error("{error}")]
    Files {
        /// The cause, with the path.
        error: io::Error,
    },
}

impl From<io::Error> for BuildError {
    fn from(error: io::Error) -> Self {
        BuildError::Files { error }
    }
}

impl BuildError {
    /// For people.
    pub fn finding(&self) -> Finding {
        let finding = Finding::error("the release could not be built").seen(self.to_string());
        let tail = match self {
            BuildError::Failed { tail, .. } | BuildError::TimedOut { tail, .. } => tail.as_slice(),
            BuildError::Lock { .. } | BuildError::Files { .. } => &[],
        };
        let finding = tail.iter().fold(finding, |finding, line| finding.seen(line.clone()));
        match self {
            BuildError::Failed { room: Some(room), .. } => {
                finding.hint(format!("only {} are left on the disk: make room", bytes(*room)))
            }
            BuildError::Files { error } if error.kind() == io::ErrorKind::StorageFull => {
                finding.hint("no room is left on the disk: make some")
            }
            BuildError::TimedOut { .. } => {
                finding.hint("give it more time with `timeout` in `[deploy]`, or find out what it waits for")
            }
            BuildError::Lock { .. } => finding.hint("check `lock` in `[deploy.dependencies]`"),
            BuildError::Failed { .. } | BuildError::Files { .. } => finding,
        }
    }
}
