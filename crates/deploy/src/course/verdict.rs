//! How a release has ended.

use super::{Step, Undo};
use std::fmt;

/// How it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There was nothing to do.
    AlreadyThere,
    /// The release is live and stays.
    Confirmed,
    /// It is live, and nobody has watched it to the end.
    Unwatched,
    /// It never became live; the release before has served all the time.
    Failed(Failure),
    /// It was live for a while, and the release before is so again.
    RolledBack(Failure),
    /// It was live, and is so still, or half of it: the way back failed too.
    Stuck(Failure),
}

/// What went wrong, and what of it is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub step: Step,
    /// Why.
    pub cause: String,
    /// Did somebody ask for the end?
    pub interrupted: bool,
    /// Had the new release become live, or may it have?
    pub switched: bool,
    /// What could not be taken back.
    pub remains: Vec<Remains>,
}

/// Something that could not be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remains {
    /// Applied migrations without SQL that takes them back.
    Migrations {
        /// How many were applied.
        count: usize,
    },
    /// It was tried.
    NotUndone {
        /// What should have been.
        what: Undo,
        /// Why it is not.
        cause: String,
    },
}

impl Failure {
    pub(super) fn new(step: Step, cause: String) -> Self {
        Self { step, cause, interrupted: false, switched: false, remains: Vec::new() }
    }

    pub(super) fn interrupted(step: Step) -> Self {
        Self { interrupted: true, ..Self::new(step, "somebody asked for the end".to_owned()) }
    }

    fn is_stuck(&self) -> bool {
        self.remains.iter().any(|it| matches!(it, Remains::NotUndone { what: Undo::SwitchBack, .. }))
    }
}

impl Verdict {
    pub(super) fn failed(failure: Failure) -> Self {
        match failure.switched {
            _ if failure.is_stuck() => Verdict::Stuck(failure),
            true => Verdict::RolledBack(failure),
            false => Verdict::Failed(failure),
        }
    }

    /// What went wrong, if anything did.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Verdict::AlreadyThere | Verdict::Confirmed | Verdict::Unwatched => None,
            Verdict::Failed(failure) | Verdict::RolledBack(failure) | Verdict::Stuck(failure) => Some(failure),
        }
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remains::Migrations { count } => {
                write!(f, "applied migrations: {count}; not each of them has SQL that takes it back")
            }
            Remains::NotUndone { what, cause } => write!(f, "not done: {what}: {cause}"),
        }
    }
}
