//! Why there is no copy, or no database of it.

use crate::Unreadable;
use database::{Refusal, postgres::SqlError};
use host::lock::LockError;
use report::{Finding, Outcome, bytes};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why there is no copy, or no database of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something that cannot be copied, such as Redis.
    #[error("{kind} cannot be backed up, only PostgreSQL and SQLite can")]
    WrongTarget {
        /// What it is.
        kind: &'static str,
    },
    /// There is no such database.
    #[error("there is no database `{}`", path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database cannot be reached.
    #[error("{doing}: {refusal}")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// The server refused a statement of ours.
    #[error("{doing}: {error}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        error: Box<SqlError>,
    },
    /// SQLite refused.
    #[error("{doing}: {message}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        message: String,
    },
    /// Somebody else is at work on these copies.
    #[error(transparent)]
    Locked(LockError),
    /// The directory of the copies, or a file in it, cannot be used.
    #[error("{doing}")]
    Files {
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        error: io::Error,
    },
    /// There is too little room.
    #[error("there is too little room in `{}`: {} free, about {} needed", path.display(), bytes(*free), bytes(*needed))]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// What is left, in bytes.
        free: u64,
        /// What will be needed, in bytes.
        needed: u64,
    },
    /// There is too little room for a VACUUM, which writes the database anew.
    #[error(
        "there is too little room in `{}` to vacuum: {} free, about {} needed", path.display(), bytes(*free), bytes(*needed)
    )]
    NoRoomToVacuum {
        /// Where.
        path: PathBuf,
        /// What is left, in bytes.
        free: u64,
        /// What will be needed, in bytes.
        needed: u64,
    },
    /// No program of PostgreSQL's that fits.
    #[error("the server is PostgreSQL {server}, and no `{program}` of that version or a newer one is installed")]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// The major version of the server.
        server: u32,
        /// Those that were found.
        seen: Vec<String>,
    },
    /// A program of PostgreSQL's did not do it.
    #[error("`{program}` {exit}")]
    Program {
        /// Its name.
        program: String,
        /// How it ended.
        exit: String,
        /// Its last words.
        tail: Vec<String>,
    },
    /// There is no such copy.
    #[error("{what}")]
    NoCopy {
        /// What is missing.
        what: String,
        /// What there is.
        hint: String,
    },
    /// The manifest of the copy that was asked for is not understood.
    #[error("the copy in `{}` cannot be used", path.display())]
    Manifest {
        /// Its directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: Unreadable,
    },
    /// The copy is not what it was when it was taken, or what was restored is not what the source was.
    #[error("the copy `{id}` {why}")]
    Damaged {
        /// Its name.
        id: String,
        /// What was found.
        why: String,
    },
    /// The copy is encrypted, and there is no key to it here.
    #[error("the copy `{id}` cannot be read")]
    NoKey {
        /// Its name.
        id: String,
        /// Whose key is needed.
        why: String,
    },
    /// What should be a key is none.
    #[error("{0}")]
    Key(String),
    /// The copy is of something else.
    #[error("{0}")]
    Unfit(String),
    /// A bucket cannot be used.
    #[error("{doing}")]
    Objects {
        /// What was being done.
        doing: String,
        /// How the bucket is configured.
        s3: Box<config::S3>,
        /// Why not.
        #[source]
        error: Box<objects::ObjectError>,
    },
    /// Somebody uses what is to be replaced.
    #[error("`{what}` is in use")]
    InUse {
        /// The database or file.
        what: String,
        /// By whom.
        by: Vec<String>,
    },
}

impl BackupError {
    pub(crate) fn files(doing: impl Into<String>, error: io::Error) -> Self {
        Self::Files { doing: doing.into(), error }
    }

    pub(crate) fn sql(doing: &'static str, error: impl Into<SqlError>) -> Self {
        Self::Sql { doing, error: Box::new(error.into()) }
    }

    pub(crate) fn sqlite(doing: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |error| {
            let refusal = database::sqlite::refusal(&error, &path);
            Self::Refused { doing, refusal: Box::new(refusal) }
        }
    }

    /// The exit code it leads to.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::WrongTarget { .. }
            | Self::NoDatabase { .. }
            | Self::NoCopy { .. }
            | Self::Unfit(_)
            | Self::NoKey { .. }
            | Self::Key(_)
            | Self::NoProgram { .. } => Outcome::Misused,
            Self::Objects { error, .. } => error.outcome(),
            Self::Locked(LockError::Held { .. }) | Self::InUse { .. } => Outcome::NotYet,
            Self::Refused { .. }
            | Self::Sql { .. }
            | Self::Sqlite { .. }
            | Self::Locked(LockError::Io { .. })
            | Self::Files { .. }
            | Self::NoRoom { .. }
            | Self::NoRoomToVacuum { .. }
            | Self::Program { .. }
            | Self::Manifest { .. }
            | Self::Damaged { .. } => Outcome::Failed,
        }
    }

    /// The same for people.
    pub fn finding(&self) -> Finding {
        let finding = Finding::error(match self {
            Self::Refused { doing, .. } | Self::Sql { doing, .. } | Self::Sqlite { doing, .. } => {
                format!("could not {doing}")
            }
            Self::Locked(LockError::Held { .. }) => "another backup or restore of this database is at work".to_owned(),
            other => other.to_string(),
        });
        let finding = match self {
            Self::Refused { refusal, .. } => {
                let finding = finding.seen(&refusal.message);
                refusal.detail.iter().fold(finding, Finding::seen)
            }
            Self::Sql { error, .. } => finding.seen(error),
            Self::Sqlite { message, .. } => finding.seen(message),
            Self::Locked(error) => finding.seen(error),
            Self::NoProgram { seen, .. } => seen.iter().fold(finding, Finding::seen),
            Self::Program { tail, .. } => tail.iter().fold(finding, Finding::seen),
            Self::NoKey { why, .. } => finding.seen(why),
            Self::InUse { by, .. } => by.iter().fold(finding, Finding::seen),
            Self::Objects { s3, error, .. } => return error.explain(finding, s3),
            other => finding.because(other),
        };
        match self.hint() {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { refusal, .. } => refusal.hint.clone()?,
            Self::Sql { error, .. } => error.hint.clone()?,
            Self::NoDatabase { .. } => "check the path; a database that was never written to has no file yet".into(),
            Self::Locked(LockError::Held { .. }) => "wait until it is done, then try again".into(),
            Self::Files { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                "make room, or choose another directory: `to` in `[backup]`, or --to; the copies that are there are untouched".into()
            }
            Self::Files { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                "let our user write there, or choose another directory: `to` in `[backup]`, or --to".into()
            }
            Self::NoRoom { .. } => {
                "make room (`mainstay backup prune`), or choose another directory: `to` in `[backup]`, or --to".into()
            }
            Self::NoRoomToVacuum { .. } => {
                "make room beside the database, or leave it as it is: its free pages are taken by new rows; `vacuum = \"off\"` in `[backup]` asks for none".into()
            }
            Self::NoProgram { server, .. } => format!(
                "install PostgreSQL's client programs of version {server} (Debian: `apt-get install \
                 postgresql-client-{server}`), or put the directory of fitting ones into PATH"
            ),
            Self::NoCopy { hint, .. } => hint.clone(),
            Self::Manifest { error: Unreadable::Version(_), .. } => {
                "it is kept; use the mainstay that wrote it, or a newer one".into()
            }
            Self::Manifest { .. } => "it is kept; `mainstay backup list` shows the others".into(),
            Self::Damaged { .. } => "`mainstay backup list` shows the others; nothing was changed".into(),
            Self::NoKey { .. } => "say --identity FILE with the secret key, or `identity` in `[backup.encrypt]`; without it the copy is lost".into(),
            Self::Key(_) => "`mainstay backup key new FILE` makes a key, and prints the public one".into(),
            Self::InUse { .. } => "stop them, then try again; nothing was changed".into(),
            _ => return None,
        };
        Some(hint)
    }
}
