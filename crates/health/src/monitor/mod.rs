//! Decides when a dependency is down and when it is back. Pure: [`step`] has no clock and no I/O.
//!
//! Down takes [`Rules::failures`] failed checks in a row, up takes one that passes. That is safe against flapping because
//! a failed check while up is repeated only after [`CONFIRM`]: between an up and the next down lie at least
//! `every + (failures - 1) * CONFIRM`. A dependency that fails time and again without ever failing often enough in a row
//! is called unsteady, once, and makes the application degraded.
//!
//! A check that could not look (our own fault) neither passes nor fails: it changes nothing but is shown.

mod pace;
mod recent;
mod step;
mod watch;
mod words;

pub use step::{CONFIRM, Rules, State, Step, step};
pub use watch::{Answer, Asker, News, watch};

use database::{Refusal, ServerState};
use report::Verdict;
use std::time::Duration;

/// What the others must be told about a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It failed often enough in a row. Services go on; those that end are parked.
    Down {
        /// What it is doing.
        state: ServerState,
        /// Its own words.
        reason: String,
    },
    /// It answers again.
    Up {
        /// How long it was away, from the first failed check.
        after: Duration,
    },
    /// Something should be mended. Never said while a database recovers.
    Recover(Recovery),
}

/// What should be mended. Reconnecting is not listed: the monitor does that itself, each check is a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The database was away or misses a table: look whether the schema is still there and migrate if not (S1.10).
    CheckSchema,
    /// Services that need it and did not find back by themselves are to be restarted. Healthy ones are left alone.
    RestartUnhealthy,
}

/// SQLSTATE `undefined_table`: the server is there, the schema is not.
const UNDEFINED_TABLE: &str = "42P01";

/// The verdict of one check.
pub(crate) fn verdict<T>(said: &Result<T, Refusal>) -> Verdict {
    said.as_ref().map_or_else(verdict_on, |_| Verdict::Pass)
}

/// A missing table is a failure whatever state the server is in.
fn verdict_on(refusal: &Refusal) -> Verdict {
    match refusal.state {
        ServerState::Unknown if !misses_a_table(refusal) => Verdict::CouldNotVerify,
        _ => Verdict::Fail,
    }
}

fn misses_a_table(refusal: &Refusal) -> bool {
    refusal.code.as_deref() == Some(UNDEFINED_TABLE)
}

#[cfg(test)]
mod tests;
