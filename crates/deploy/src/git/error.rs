//! Why there is no commit, or not its files.

use host::process::{Exit, ended};
use report::{Finding, or_list};
use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    time::Duration,
};

/// Why there is no commit, or not its files.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git itself cannot be run.
    #[error("git cannot be run: {error}")]
    Start {
        /// The cause.
        error: io::Error,
    },
    /// There is no repository.
    #[error("`{}` is no git repository", path.display())]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
        /// Did somebody say that it is there?
        named: bool,
    },
    /// There is no commit in it at all.
    #[error("the repository `{}` is empty", path.display())]
    Empty {
        /// Which one.
        path: PathBuf,
    },
    /// No commit has this name.
    #[error("there is no commit `{reference}`")]
    Unknown {
        /// What was asked for.
        reference: String,
        /// Branches and tags that there are, some of them.
        known: Vec<String>,
        /// What git said.
        tail: Vec<String>,
    },
    /// Nothing that git would understand as a commit.
    #[error("`{reference}` cannot be the name of a commit")]
    BadReference {
        /// What was asked for.
        reference: String,
    },
    /// It ended otherwise than well.
    #[error("git could not {doing}: it {}", ended(*exit))]
    Failed {
        /// What it was asked to do.
        doing: &'static str,
        /// How it ended.
        exit: Exit,
        /// Its last words.
        tail: Vec<String>,
    },
    /// It took too long.
    #[error("git could not {doing} within {} s", limit.as_secs())]
    TimedOut {
        /// What it was asked to do.
        doing: &'static str,
        /// How long that may take.
        limit: Duration,
    },
    /// A directory could not be made or looked at.
    #[error("{error}")]
    Files {
        /// The cause, with the path.
        error: io::Error,
    },
}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        GitError::Files { error }
    }
}

impl GitError {
    /// For people.
    pub fn finding(&self) -> Finding {
        let finding = self.seen().into_iter().fold(Finding::error(self.summary()), Finding::seen);
        match self.hint() {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    fn summary(&self) -> String {
        match self {
            GitError::Start { .. } => "git cannot be run".to_owned(),
            GitError::Failed { doing, .. } => format!("git could not {doing}"),
            other => other.to_string(),
        }
    }

    fn seen(&self) -> Vec<String> {
        match self {
            GitError::Start { error } => vec![error.to_string()],
            GitError::Failed { exit, tail, .. } => {
                tail.iter().cloned().chain([format!("git {}", ended(*exit))]).collect()
            }
            GitError::Unknown { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            GitError::Start { error } if error.kind() == ErrorKind::NotFound => "install git".to_owned(),
            GitError::NoRepository { named: true, .. } => "check `repository` in `[deploy]`".to_owned(),
            GitError::NoRepository { named: false, .. } => {
                "`mainstay server init` makes one to push to; or name it with `repository` in `[deploy]`".to_owned()
            }
            GitError::Empty { .. } => "push a commit to it first".to_owned(),
            GitError::Unknown { known, .. } if known.is_empty() => "there is neither a branch nor a tag".to_owned(),
            GitError::Unknown { known, .. } => format!("there is {}", or_list(known)),
            GitError::BadReference { .. } => "name a branch, a tag or a commit".to_owned(),
            GitError::TimedOut { .. } => "is the other machine there? No password can be asked for".to_owned(),
            GitError::Failed { tail, .. } if tail.iter().any(|line| line.contains("safe.directory")) => {
                "run mainstay as the owner of the repository".to_owned()
            }
            _ => return None,
        })
    }
}
