//! What a SQLSTATE means for a gate, for a migration and for a running application.
//!
//! Decided by the code alone: messages are translated by `lc_messages`. DETAIL and text only choose the finer word and
//! the hint. Codes: PostgreSQL manual, appendix A.

use crate::{Patience, ServerState};
use retry::Transience;
use std::time::Duration;

/// What a refused connection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the server is doing.
    pub state: ServerState,
    /// How long waiting is worth while.
    pub patience: Patience,
    /// What to do, when the server gave no HINT of its own.
    pub hint: Option<&'static str>,
}

/// Init scripts may still be creating the role or the database.
const CREATION: Patience = Patience::Grace(Duration::from_secs(15));

/// What it means that a connection was refused, or a session ended, with this code.
pub fn verdict(code: &str, message: &str, detail: Option<&str>) -> Verdict {
    use Patience::{Deadline, None as Never, Tries};
    use ServerState::{Denied, Down, Full, ReadOnly, Recovering, Starting, Unknown, Unreachable};
    let (state, patience, hint) = match code {
        "57P03" => (not_yet(message, detail), Deadline, hint_not_yet(detail)),
        "57P01" => (Starting, Deadline, Some("the server is being stopped or restarted")),
        "57P02" => (Recovering, Deadline, Some("a server process crashed; the server's log says which")),
        "57P04" => (Denied, Never, Some("the database was dropped")),
        "53300" => {
            (Full, Deadline, Some("raise max_connections, or let fewer clients connect (a pooler such as PgBouncer)"))
        }
        "53100" => (Starting, Deadline, Some("the disk of the server is full: `df -h` there, then free space")),
        "53200" => (Starting, Deadline, Some("the server is out of memory")),
        "25006" => (
            ReadOnly,
            Deadline,
            Some("a standby, or default_transaction_read_only is on; is this the primary's address?"),
        ),
        "28P01" => (Denied, Tries(2), Some("check the password: in the URL, in PGPASSWORD or in the password file")),
        "28000" => (
            Denied,
            CREATION,
            Some("create the role (`CREATE ROLE name LOGIN`), or let pg_hba.conf admit it from here"),
        ),
        "3D000" => (Denied, CREATION, Some("create the database (`createdb name`), or correct its name")),
        "42501" => (Denied, Never, Some("grant what is missing: `GRANT CONNECT ON DATABASE name TO role`")),
        "55000" => (
            Denied,
            Never,
            Some("the database does not allow connections (`ALTER DATABASE name ALLOW_CONNECTIONS true`)"),
        ),
        "08P01" => (Unreachable, Tries(3), Some("is this PostgreSQL? A pooler between also answers so")),
        "42704" | "22023" => (Unknown, Never, Some("a server setting in the URL's `options` is wrong")),
        "58P01" | "58030" | "XX001" | "XX002" => (
            Down,
            Never,
            Some("files of the database are missing or damaged: read the server's log, restore from a backup"),
        ),
        _ => by_class(code),
    };
    Verdict { state, patience, hint }
}

fn by_class(code: &str) -> (ServerState, Patience, Option<&'static str>) {
    match code.get(..2) {
        Some("08") => (ServerState::Unreachable, Patience::Deadline, None),
        Some("53" | "57") => (ServerState::Starting, Patience::Deadline, None),
        Some("28") => (ServerState::Denied, CREATION, None),
        _ => (ServerState::Unknown, Patience::Tries(3), None),
    }
}

/// Only states of recovery carry a DETAIL, in whatever language; "in recovery mode" carries none.
fn not_yet(message: &str, detail: Option<&str>) -> ServerState {
    match detail {
        Some(_) => ServerState::Recovering,
        None if message.contains("recovery") => ServerState::Recovering,
        None => ServerState::Starting,
    }
}

fn hint_not_yet(detail: Option<&str>) -> Option<&'static str> {
    let detail = detail?;
    if detail.contains("Recovery snapshot") {
        return Some("a standby waits until long transactions on the primary have ended");
    }
    let disabled = detail.contains("Hot standby mode is disabled");
    disabled.then_some("it recovers with hot_standby=off; a standby set up so never accepts connections")
}

/// May a migration that failed with this code succeed when it is tried again?
///
/// Class 08 after COMMIT was sent is for the caller, who alone knows that it was sent: [`Transience::UnknownOutcome`].
pub fn migration_transience(code: &str) -> Transience {
    match code {
        "08007" => Transience::UnknownOutcome,
        "57P01" | "57P02" | "57P03" | "53300" => Transience::Transient,
        "40001" | "40P01" | "55P03" | "55006" | "25006" => Transience::Transient,
        _ if code.starts_with("08") => Transience::Transient,
        _ => Transience::Permanent,
    }
}

/// May a running application's transaction that failed with this code succeed when it is tried again as a whole?
/// Errors of data never do (S1.2).
pub fn runtime(code: &str) -> Transience {
    match code {
        "08007" => Transience::UnknownOutcome,
        "08P01" => Transience::Permanent,
        "57P01" | "57P02" | "57P03" | "53300" | "25006" | "40001" | "40P01" | "55P03" => Transience::Transient,
        _ if code.starts_with("08") => Transience::Transient,
        _ => Transience::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServerState::{Denied, Full, ReadOnly, Recovering, Starting};

    /// S0.1: every state of 57P03 is waited for, whatever its DETAIL and language.
    #[test]
    fn not_yet_is_always_waited_for() {
        let rows = [
            ("the database system is starting up", None, Starting),
            ("the database system is shutting down", None, Starting),
            ("das Datenbanksystem startet", None, Starting),
            ("the database system is in recovery mode", None, Recovering),
            (
                "the database system is not yet accepting connections",
                Some("Consistent recovery state has not been yet reached."),
                Recovering,
            ),
            ("the database system is not accepting connections", Some("Hot standby mode is disabled."), Recovering),
            (
                "the database system is not yet accepting connections",
                Some("Recovery snapshot is not yet ready for hot standby."),
                Recovering,
            ),
            ("das Datenbanksystem nimmt keine Verbindungen an", Some("Hot-Standby-Modus ist deaktiviert."), Recovering),
        ];
        for (message, detail, state) in rows {
            let verdict = verdict("57P03", message, detail);
            assert_eq!((verdict.state, verdict.patience), (state, Patience::Deadline), "{message}");
        }
    }

    #[test]
    fn the_code_decides() {
        let grace = Patience::Grace(Duration::from_secs(15));
        let rows = [
            ("53300", Full, Patience::Deadline),
            ("25006", ReadOnly, Patience::Deadline),
            ("28P01", Denied, Patience::Tries(2)),
            ("28000", Denied, grace),
            ("3D000", Denied, grace),
            ("42501", Denied, Patience::None),
            ("55000", Denied, Patience::None),
            ("57P01", Starting, Patience::Deadline),
            ("57P02", Recovering, Patience::Deadline),
            ("53100", Starting, Patience::Deadline),
            ("08006", ServerState::Unreachable, Patience::Deadline),
            ("08P01", ServerState::Unreachable, Patience::Tries(3)),
            ("", ServerState::Unknown, Patience::Tries(3)),
        ];
        for (code, state, patience) in rows {
            // The text of 55000 reads almost like 57P03.
            let verdict = verdict(code, "database \"x\" is not currently accepting connections", None);
            assert_eq!((verdict.state, verdict.patience), (state, patience), "{code}");
        }
    }

    /// S1.2: data errors are never tried again, connection errors are.
    #[test]
    fn data_is_not_tried_again() {
        for code in ["23505", "22001", "42601", "42P01", "53100", "XX001", ""] {
            assert_eq!(runtime(code), Transience::Permanent, "{code}");
            assert_eq!(migration_transience(code), Transience::Permanent, "{code}");
        }
        for code in ["08006", "57P01", "57P02", "57P03", "53300", "40P01"] {
            assert_eq!(runtime(code), Transience::Transient, "{code}");
            assert_eq!(migration_transience(code), Transience::Transient, "{code}");
        }
        assert_eq!(runtime("08007"), Transience::UnknownOutcome);
    }
}
