//! Why a server cannot be used now, and how long it is worth waiting.

use crate::ServerState;
use retry::{Classify, Transience};
use std::{fmt, time::Duration};

/// Why a server cannot be used now. Keeps the last cause whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// What the server is doing.
    pub state: ServerState,
    /// How long it is worth waiting.
    pub patience: Patience,
    /// SQLSTATE of PostgreSQL, first word of a Redis error, extended result code of SQLite.
    pub code: Option<String>,
    /// The server's or the system's own words.
    pub message: String,
    /// The server's DETAIL.
    pub detail: Option<String>,
    /// What to do, when we know.
    pub hint: Option<String>,
}

/// How long it is worth waiting for a [`Refusal`] to heal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as the deadline allows.
    Deadline,
    /// This long: somebody may just be creating it.
    Grace(Duration),
    /// This many tries in all.
    Tries(u32),
    /// Waiting cannot mend it.
    None,
}

impl Classify for Refusal {
    fn transience(&self) -> Transience {
        match self.patience {
            Patience::None => Transience::Permanent,
            Patience::Deadline | Patience::Grace(_) | Patience::Tries(_) => Transience::Transient,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        match &self.code {
            Some(code) if is_sqlstate(code) => write!(f, " (SQLSTATE {code})"),
            Some(code) if !self.message.contains(code.as_str()) => write!(f, " ({code})"),
            _ => Ok(()),
        }
    }
}

fn is_sqlstate(code: &str) -> bool {
    code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}
