//! Why a text names nothing that can be reached.

use crate::redact::redact;
use report::Finding;

/// Why a text names nothing that can be reached. Never holds the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TargetError {
    /// What is wrong.
    pub problem: String,
    /// The text without its password.
    pub shown: String,
    /// What to do.
    pub hint: Option<String>,
}

impl TargetError {
    pub(crate) fn new(text: &str, problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), shown: redact(text), hint: None }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As a finding, without a place.
    pub fn finding(&self) -> Finding {
        let finding = Finding::error(&self.problem).seen(format!("`{}`", self.shown));
        match &self.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }
}
