//! What came of a run.

use crate::{Migration, Version};
use report::{count, seconds};
use serde::{Serialize, Serializer};
use std::{fmt, time::Duration};

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What this run applied or undid, in order. Empty for an external command, which keeps that to itself.
    pub applied: Vec<Applied>,
    /// How many were pending when it began, as the first look told.
    pub pending_before: usize,
    /// How long the lock was waited for; seconds in JSON.
    #[serde(serialize_with = "as_seconds")]
    pub lock_waited: Duration,
    /// Attempts made.
    pub attempts: u32,
    /// An external command did it.
    pub external: bool,
    /// From where to where it led, when its tool is known by its table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// A migration that was applied in this run, or undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its version.
    pub version: Version,
    /// Its file's name.
    pub name: String,
    /// How long it took; seconds in JSON.
    #[serde(serialize_with = "as_seconds")]
    pub took: Duration,
}

/// From where to where an external command led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its tool: `alembic`.
    pub tool: &'static str,
    /// The revision before; nothing when none was applied. Several heads are separated by commas.
    pub before: Option<String>,
    /// The revision after.
    pub after: Option<String>,
    /// How many more are applied than before, where the tool keeps each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<u64>,
}

impl Moved {
    /// Is anything different from before?
    pub fn went(&self) -> bool {
        self.before != self.after || self.new.is_some_and(|new| new > 0)
    }
}

/// `alembic went from 9f3c1d to 1a2b3c`
impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |at: &Option<String>| at.clone().unwrap_or_else(|| "nothing".to_owned());
        let (tool, after) = (self.tool, place(&self.after));
        match (self.went(), self.new) {
            (false, _) => write!(f, "nothing to do, {tool} is still at {after}"),
            (true, Some(new)) if new > 0 => {
                write!(f, "{tool} went from {} to {after} ({new} more)", place(&self.before))
            }
            (true, _) => write!(f, "{tool} went from {} to {after}", place(&self.before)),
        }
    }
}

/// One sentence about what is now true.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.applied.iter().map(|applied| applied.took).sum();
        match (self.external, self.applied.len(), self.pending_before) {
            (true, ..) => match &self.moved {
                Some(moved) => moved.fmt(f),
                None => f.write_str("the migration command is done"),
            },
            (false, 0, 0) => f.write_str("all migrations up to date"),
            (false, 0, _) => f.write_str("all migrations up to date: another starter applied them"),
            (false, number, _) => write!(f, "applied {} in {}", count(number, "new migration"), seconds(took)),
        }?;
        if self.attempts > 1 { write!(f, ", {} attempts", self.attempts) } else { Ok(()) }
    }
}

/// A migration that took `took`.
pub(crate) fn applied(migration: &Migration, took: Duration) -> Applied {
    Applied { version: migration.version.clone(), name: migration.name.clone(), took }
}

/// A span of time in JSON.
pub(crate) fn as_seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}
