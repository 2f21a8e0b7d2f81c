//! How the work of a step is taken back.

use std::fmt;

/// Something to be taken back. Each may be asked for although there is nothing to take back, and then does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// The files of the release; its record and what its build has said stay.
    RemoveTree,
    /// The newest applied migrations, by the SQL that was kept with them.
    TakeBackMigrations {
        /// How many.
        count: usize,
    },
    /// Migrations that a rollback has taken back are applied once more.
    MigrateAgain {
        /// How many.
        count: usize,
    },
    /// The services of the new release that answer nobody yet.
    StopCandidate,
    /// The release before becomes live again.
    SwitchBack,
    /// What was stopped is started.
    StartAgain,
    /// The databases that were replaced get their names back.
    PutBack,
    /// The database that was made of a copy goes, unless it has taken its place.
    RemoveNew,
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undo::RemoveTree => f.write_str("the files of the release are removed"),
            Undo::TakeBackMigrations { count } => write!(f, "{} taken back", report::count(*count, "migration")),
            Undo::MigrateAgain { count } => write!(f, "{} applied again", report::count(*count, "migration")),
            Undo::StopCandidate => f.write_str("the new services are stopped"),
            Undo::StartAgain => f.write_str("what ran before is started again"),
            Undo::PutBack => f.write_str("the databases from before are put back"),
            Undo::RemoveNew => f.write_str("the database made of the copy is removed"),
            Undo::SwitchBack => f.write_str("the release before is live again"),
        }
    }
}
