//! Why migrations could not be applied.

mod file;
mod finding;

pub use file::{BadFile, FileFailure, Problem};
pub use finding::explain;

use crate::{Version, ledger::Conflict, lock::Holder};
use database::{Refusal, postgres::SqlError};
use report::Outcome;
use retry::{Classify, Transience};
use std::{
    fmt,
    io::{self, ErrorKind},
    path::PathBuf,
    time::Duration,
};

/// Why migrations could not be applied, or their state could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrateError {
    /// The directory, or a file in it, cannot be read.
    #[error("cannot read the migrations in `{}`: {message}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What kind of error it was.
        kind: ErrorKind,
        /// The system's words.
        message: String,
    },
    /// Files that are no migrations, or that cannot be run as one.
    #[error("{}", one_line(.0))]
    BadFiles(Vec<BadFile>),
    /// Files and ledger disagree; nothing was applied.
    #[error("{}", one_line(.0))]
    Conflicts(Vec<Conflict>),
    /// A table of the ledger's name is another tool's; it was not touched.
    #[error("the table `{table}` is nobody's ledger that is known here; columns: {}", columns.join(", "))]
    ForeignTable {
        /// Its name, with the schema.
        table: String,
        /// Its columns with their types.
        columns: Vec<String>,
        /// Why its rows do not explain it either.
        why: Option<String>,
    },
    /// The table that was named is not there, and only its rows could tell how to write into it.
    #[error("there is no table `{table}` whose rows could tell how its runner writes them")]
    NoSuchTable {
        /// Its name, with the schema.
        table: String,
    },
    /// It cannot be told whose migrations these are.
    #[error("it cannot be told whose migrations these are: {}", seen.join("; "))]
    Ambiguous {
        /// What was seen.
        seen: Vec<String>,
        /// The styles that come into question.
        styles: Vec<String>,
    },
    /// No schema to keep the ledger in: nothing in `search_path` exists.
    #[error("there is no schema to keep the ledger in: nothing in `search_path` ({search_path}) exists")]
    NoSchema {
        /// The setting.
        search_path: String,
    },
    /// The database cannot be used.
    #[error("{0}")]
    Refused(Refusal),
    /// Somebody else held the lock all the time.
    #[error("another process held the migration lock for {}: {holder}", report::seconds(*waited))]
    Locked {
        /// How long was waited.
        waited: Duration,
        /// Who holds it, as far as it can be seen.
        holder: Holder,
    },
    /// The connection that held the lock was lost; somebody else may have it now.
    #[error("the connection that held the migration lock was lost")]
    LockLost,
    /// A table's lock was not to be had in the time that there is for it.
    #[error("`{file}` waited {} for locks on tables, all that `lock_budget` allows", report::seconds(*budget))]
    TableLocked {
        /// The file.
        file: String,
        /// How long may be waited in one run.
        budget: Duration,
        /// Who held it up, as seen last.
        blocked: Option<String>,
        /// So many of its statements are done and stay.
        statements: usize,
        /// Files that were applied before it in this run and stay applied.
        kept: Vec<String>,
    },
    /// A file was edited that is done in part.
    #[error("`{file}` is done in part, and its statement {statement}, which is done, was edited since")]
    JournalDiffers {
        /// The file.
        file: String,
        /// The statement, counted from 1.
        statement: usize,
    },
    /// A statement was begun, its end was not seen, and the database does not tell whether it happened.
    #[error(
        "whether statement {statement} of `{file}` was done cannot be told: it was begun, and its end was not seen"
    )]
    CannotTell {
        /// The file.
        file: String,
        /// The statement, counted from 1.
        statement: usize,
        /// The migration.
        version: Version,
        /// It was being undone.
        back: bool,
    },
    /// Somebody else builds the same index.
    #[error("the index `{name}` is being built by process {pid}")]
    IndexBusy {
        /// The index.
        name: String,
        /// The server process.
        pid: i32,
    },
    /// An index was built and cannot be used.
    #[error("`{file}` built the index `{name}`, and it is invalid")]
    InvalidIndex {
        /// The file.
        file: String,
        /// The index.
        name: String,
    },
    /// A file failed; what of it was kept, it says itself.
    #[error("{0}")]
    File(Box<FileFailure>),
    /// The connection was lost while a file was being committed. The next attempt looks into the ledger first.
    #[error("the connection was lost while `{file}` was being committed, it may be applied or not: {cause}")]
    UnknownCommit {
        /// The file.
        file: String,
        /// How it was lost.
        cause: String,
    },
    /// The connection was lost while mainstay itself asked something, or the server was going away.
    #[error("cannot {doing}: {error}")]
    Away {
        /// What was being done.
        doing: &'static str,
        /// The last words, with their code.
        error: String,
    },
    /// The database refused something that mainstay itself asked.
    #[error("cannot {doing}: {error}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// The database's words, with its code.
        error: String,
        /// May it succeed later?
        transience: Transience,
    },
    /// There is no way back.
    #[error("`{name}` cannot be undone: {why}")]
    NoWayBack {
        /// The migration.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// Somebody else was to migrate, and has not.
    #[error("the schema is behind after {}: {} not applied", report::seconds(*waited), report::count(missing.len(), "migration"))]
    Behind {
        /// What is not applied.
        missing: Vec<String>,
        /// How long was waited.
        waited: Duration,
    },
    /// It is applied already.
    #[error("`{name}` is applied already ({at})")]
    AlreadyApplied {
        /// The migration.
        name: String,
        /// When.
        at: String,
    },
    /// No migration has this version.
    #[error("there is no migration {version}")]
    NoSuchVersion {
        /// The version.
        version: Version,
    },
    /// An external command migrates, and this verb is for files.
    #[error("an external command migrates, and `{verb}` is for files")]
    External {
        /// What was asked for.
        verb: &'static str,
    },
    /// No `pg_dump` is there that the server would let work.
    #[error("the server is PostgreSQL {server}, and no `pg_dump` of that version or a newer one is installed")]
    NoPgDump {
        /// The server's major version.
        server: u32,
        /// Those that were found.
        seen: Vec<String>,
    },
    /// `pg_dump` failed.
    #[error("`pg_dump` {exit}: {}", tail.last().map_or("it said nothing", String::as_str))]
    PgDump {
        /// How it ended.
        exit: String,
        /// Its last lines.
        tail: Vec<String>,
    },
    /// There is no database yet.
    #[error("there is no database `{database}` yet")]
    NoDatabase {
        /// Its file.
        database: String,
    },
    /// A file cannot be tried in a transaction that is rolled back.
    #[error("`{file}` cannot be rehearsed in a transaction that is rolled back: {why}")]
    NoRehearsal {
        /// The file.
        file: String,
        /// Why not.
        why: &'static str,
    },
    /// The external command cannot be started.
    #[error("cannot start `{program}`: {message}")]
    Spawn {
        /// The program.
        program: String,
        /// What kind of error it was.
        kind: ErrorKind,
        /// The system's words.
        message: String,
    },
    /// The external command failed.
    #[error("`{command}` {exit}: {why}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        exit: String,
        /// Why it is or is not tried again.
        why: String,
        /// Its last lines.
        tail: Vec<String>,
        /// May it succeed later?
        transience: Transience,
    },
    /// The linter has no rule of a name in the configuration.
    #[error("the linter has no rule `{name}`")]
    NoSuchRule {
        /// The name.
        name: String,
    },
    /// Migrations belong to PostgreSQL or SQLite.
    #[error("migrations need PostgreSQL or SQLite; the database is a {kind}")]
    WrongTarget {
        /// What it is.
        kind: &'static str,
    },
}

impl MigrateError {
    /// From an error of PostgreSQL while mainstay was `doing` something of its own.
    pub(crate) fn sql(doing: &'static str, error: impl Into<SqlError>) -> Self {
        let error = error.into();
        if error.lost || file::is_away(&error.code) {
            return MigrateError::Away { doing, error: error.to_string() };
        }
        let transience = error.transience();
        MigrateError::Sql { doing, error: error.to_string(), transience }
    }

    /// From an error of the system while the program of `argv` was started or waited for.
    pub(crate) fn spawn(argv: &[String], error: &io::Error) -> Self {
        MigrateError::Spawn {
            program: argv.first().cloned().unwrap_or_default(),
            kind: error.kind(),
            message: error.to_string(),
        }
    }

    /// How a run that ended with this error ended: 2 for what is written or set up wrongly, so that waiting cannot mend it, 75 for what was
    /// not ready yet, 1 for the rest.
    pub fn outcome(&self) -> Outcome {
        match self {
            // A file that somebody is just writing is right in a moment.
            MigrateError::BadFiles(files) if files.iter().any(|file| file.problem == Problem::Moving) => {
                Outcome::Failed
            }
            MigrateError::Directory { .. }
            | MigrateError::BadFiles(_)
            | MigrateError::ForeignTable { .. }
            | MigrateError::NoSuchTable { .. }
            | MigrateError::NoSchema { .. }
            | MigrateError::NoWayBack { .. }
            | MigrateError::WrongTarget { .. }
            | MigrateError::Spawn { .. }
            | MigrateError::NoSuchRule { .. }
            | MigrateError::NoSuchVersion { .. }
            | MigrateError::External { .. }
            | MigrateError::NoPgDump { .. }
            | MigrateError::NoDatabase { .. }
            | MigrateError::NoRehearsal { .. }
            | MigrateError::Ambiguous { .. } => Outcome::Misused,
            MigrateError::Locked { .. }
            | MigrateError::TableLocked { .. }
            | MigrateError::Behind { .. }
            | MigrateError::Away { .. }
            | MigrateError::LockLost
            | MigrateError::UnknownCommit { .. } => Outcome::NotYet,
            MigrateError::File(failure) if failure.is_for_a_server_away() => Outcome::NotYet,
            MigrateError::Refused(refusal) => match refusal.transience() {
                Transience::Permanent => Outcome::Misused,
                _ => Outcome::NotYet,
            },
            _ => Outcome::Failed,
        }
    }

    /// Found without the lock: may it only be that somebody is in the middle of it? What was begun has an end then.
    pub(crate) fn may_pass(&self) -> bool {
        let begun = |it: &Conflict| {
            matches!(it, Conflict::Begun { .. } | Conflict::BegunAs { .. } | Conflict::UndoneInPart { .. })
        };
        matches!(self, MigrateError::Conflicts(all) if all.iter().any(begun))
    }

    /// What is known to the database as the code of this error: SQLSTATE or SQLite's.
    pub fn code(&self) -> Option<&str> {
        match self {
            MigrateError::Refused(refusal) => refusal.code.as_deref(),
            MigrateError::File(failure) => failure.code.as_deref(),
            _ => None,
        }
    }
}

impl Classify for MigrateError {
    fn transience(&self) -> Transience {
        match self {
            MigrateError::Refused(refusal) => refusal.transience(),
            MigrateError::File(failure) => failure.transience,
            MigrateError::Sql { transience, .. } | MigrateError::Command { transience, .. } => *transience,
            // The outcome is looked up before anything is tried again, so trying again is safe.
            MigrateError::UnknownCommit { .. }
            | MigrateError::Away { .. }
            | MigrateError::LockLost
            | MigrateError::IndexBusy { .. } => Transience::Transient,
            // The lock's own time limit is the wait for it; waiting that long once more for each attempt is not meant.
            _ => Transience::Permanent,
        }
    }
}

/// The first, and how many more.
fn one_line<T: fmt::Display>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Obstacle;

    /// Issue 3, bad input: every file that is no migration, or cannot be run as one, is written wrongly (2); one that the database refuses,
    /// or that disagrees with the ledger, has failed (1).
    #[test]
    fn bad_files_end_alike() {
        let bad = |problem| MigrateError::BadFiles(vec![BadFile { name: "1_a.sql".into(), problem, place: None }]);
        let version = || Version::from("1");
        for problem in [
            Problem::NoVersion,
            Problem::SameVersion { version: version(), other: "1_b.sql".into() },
            Problem::TooLarge,
            Problem::Unreadable { kind: ErrorKind::PermissionDenied, message: "denied".into() },
            Problem::NameNotUtf8,
            Problem::NotUtf8 { byte: 0 },
            Problem::Nul { byte: 0 },
            Problem::NoUp { version: version() },
            Problem::Gap { expected: "2".into() },
            Problem::Unwritten,
            Problem::Flaw { message: "`migrate:upp`".into(), hint: "`migrate:up`".into() },
            Problem::Obstacle(Obstacle::NeverClosed(crate::Quote::Text)),
        ] {
            assert_eq!(bad(problem.clone()).outcome(), Outcome::Misused, "{problem:?}");
        }
        assert_eq!(bad(Problem::Moving).outcome(), Outcome::Failed, "it is right in a moment");
        let no_way = MigrateError::NoWayBack { name: "1_a.sql".into(), why: "no file says how" };
        assert_eq!(no_way.outcome(), Outcome::Misused);
        let refused = FileFailure::new("1_a.sql", "syntax error".into(), Vec::new(), 0);
        assert_eq!(MigrateError::File(Box::new(refused)).outcome(), Outcome::Failed);
        assert_eq!(MigrateError::Conflicts(Vec::new()).outcome(), Outcome::Failed);
    }
}
