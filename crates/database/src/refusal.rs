//! Why a server cannot be used now, and how long it is worth waiting.

use crate::ServerState;
use report::Finding;
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

impl From<&Refusal> for Finding {
    fn from(refusal: &Refusal) -> Self {
        let finding = Finding::error(refusal.to_string()).seen(format_args!("state: {}", refusal.state));
        match &refusal.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: Option<&str>) -> Refusal {
        Refusal {
            state: ServerState::Recovering,
            patience: Patience::Deadline,
            code: code.map(str::to_owned),
            message: "the database system is not yet accepting connections".into(),
            detail: Some("Consistent recovery state has not been yet reached".into()),
            hint: Some("wait".into()),
        }
    }

    /// S0.1: the words of the server, all of them, in one line.
    #[test]
    fn a_refusal_is_one_line() {
        let line =
            "the database system is not yet accepting connections: Consistent recovery state has not been yet reached";
        assert_eq!(refusal(Some("57P03")).to_string(), format!("{line} (SQLSTATE 57P03)"));
        assert_eq!(refusal(Some("SQLITE_BUSY")).to_string(), format!("{line} (SQLITE_BUSY)"));
        assert_eq!(refusal(None).to_string(), line);
        let finding = Finding::from(&refusal(None));
        assert_eq!(finding.to_string(), format!("error: {line}\n  seen: state: recovering\n  hint: wait"));
    }

    #[test]
    fn only_what_waiting_cannot_mend_is_permanent() {
        let of = |patience| Refusal { patience, ..refusal(None) }.transience();
        assert_eq!(of(Patience::None), Transience::Permanent);
        for patience in [Patience::Deadline, Patience::Tries(2), Patience::Grace(Duration::ZERO)] {
            assert_eq!(of(patience), Transience::Transient);
        }
    }
}
