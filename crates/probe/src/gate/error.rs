//! The gate stays closed.

use super::{GaveUp, Reason};
use database::Refusal;
use report::{Finding, Outcome, count, seconds};
use std::time::Duration;

/// A dependency is not ready, and waiting is over.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "`{name}` is not ready after {} and {}: {}, {refusal}",
    seconds(*elapsed), count(*attempts as usize, "attempt"), refusal.state
)]
pub struct GateError {
    /// The dependency.
    pub name: String,
    /// Where it is, without its password.
    pub target: String,
    /// Why waiting ended.
    pub reason: Reason,
    /// The last refusal.
    pub refusal: Refusal,
    /// Attempts made.
    pub attempts: u32,
    /// Time since the gate began.
    pub elapsed: Duration,
}

impl GateError {
    pub(super) fn new(name: &str, target: String, gave_up: GaveUp) -> Self {
        let GaveUp { reason, refusal, attempts, elapsed } = gave_up;
        Self { name: name.to_owned(), target, reason, refusal, attempts, elapsed }
    }

    /// 75 when later may be better, 2 when waiting cannot mend it.
    pub fn outcome(&self) -> Outcome {
        match self.reason {
            Reason::TimedOut => Outcome::NotYet,
            Reason::Hopeless => Outcome::Misused,
        }
    }

    fn hint(&self) -> String {
        self.refusal.hint.clone().unwrap_or_else(|| match self.reason {
            Reason::TimedOut => {
                "look at the server's log, or give it more time: `wait = \"5m\"` or `--timeout 5m`".into()
            }
            Reason::Hopeless => format!("waiting cannot mend this: check `{}` and the server", self.target),
        })
    }
}

impl From<&GateError> for Finding {
    fn from(error: &GateError) -> Self {
        let tries = count(error.attempts as usize, "attempt");
        let summary = match error.reason {
            Reason::TimedOut => format!("`{}` is not ready after {} and {tries}", error.name, seconds(error.elapsed)),
            Reason::Hopeless => format!("`{}` cannot become ready by waiting", error.name),
        };
        Finding::error(summary)
            .seen(&error.target)
            .seen(format_args!("{}: {}", error.refusal.state, error.refusal))
            .hint(error.hint())
    }
}
