//! What a result code of SQLite means. Codes: <https://sqlite.org/rescode.html>.

use crate::{Patience, Refusal, ServerState};
use retry::Transience;
use rusqlite::{Error, ffi};
use std::path::Path;

/// An error about the file at `path`, in our words.
///
/// A writer that holds the file is `starting`, since waiting helps; damage is `down`, since nothing but a backup does.
pub fn refusal(error: &Error, path: &Path) -> Refusal {
    let extended = error.sqlite_extended_error_code().unwrap_or(ffi::SQLITE_ERROR);
    let (state, patience, what, hint) = meaning(extended);
    let place = path.display();
    Refusal {
        state,
        patience,
        code: Some(name(extended)),
        message: format!("{place}: {what}"),
        detail: words(error),
        hint: hint.map(str::to_owned),
    }
}

/// May the same statement succeed later, when its transaction is begun anew?
pub fn transience(error: &Error) -> Transience {
    match error.sqlite_extended_error_code().map(|code| code & 0xff) {
        Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => Transience::Transient,
        _ => Transience::Permanent,
    }
}

type Meaning = (ServerState, Patience, &'static str, Option<&'static str>);

const RESTORE: &str = "restore it from a backup, or save what can be read with `sqlite3 FILE .recover`";

fn meaning(extended: i32) -> Meaning {
    use Patience::{Deadline, None as Never};
    use ServerState::{Denied, Down, ReadOnly, Starting, Unknown};
    match (extended, extended & 0xff) {
        (_, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => {
            (Starting, Deadline, "another process holds the database locked", Some("find it with `fuser FILE`"))
        }
        (ffi::SQLITE_READONLY_DIRECTORY, _) => (
            ReadOnly,
            Never,
            "the directory of the database is not writable, so no journal can be made",
            Some("let this user write to the directory, not to the file alone"),
        ),
        (ffi::SQLITE_READONLY_DBMOVED, _) => (
            Down,
            Never,
            "the file was moved or removed while it was open",
            Some("stop whoever moves it, then restart"),
        ),
        (_, ffi::SQLITE_READONLY) => {
            (ReadOnly, Never, "the database is read-only", Some("let this user write to the file"))
        }
        (_, ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_AUTH) => (
            Denied,
            Never,
            "the database cannot be opened",
            Some("the file and its directory must be readable and writable by this user"),
        ),
        (_, ffi::SQLITE_NOTADB) => {
            (Down, Never, "the file is not an SQLite database, or it is encrypted", Some(RESTORE))
        }
        (_, ffi::SQLITE_CORRUPT) => (Down, Never, "the database is damaged", Some(RESTORE)),
        (_, ffi::SQLITE_FULL) => (Starting, Deadline, "the disk is full", Some("`df -h`, then free space")),
        (_, ffi::SQLITE_IOERR) => {
            (Starting, Deadline, "the disk could not be read or written", Some("`dmesg` may say why"))
        }
        _ => (Unknown, Patience::Tries(3), "SQLite failed", None),
    }
}

/// SQLite's own words, unless they only repeat the code.
fn words(error: &Error) -> Option<String> {
    match error {
        Error::SqliteFailure(_, Some(words)) => Some(words.clone()),
        Error::SqliteFailure(_, None) => None,
        other => Some(other.to_string()),
    }
}

/// The code as SQLite's manual calls it; a number when it is a rare one.
fn name(extended: i32) -> String {
    let known = [
        (ffi::SQLITE_READONLY_DIRECTORY, "SQLITE_READONLY_DIRECTORY"),
        (ffi::SQLITE_READONLY_DBMOVED, "SQLITE_READONLY_DBMOVED"),
        (ffi::SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"),
        (ffi::SQLITE_BUSY_RECOVERY, "SQLITE_BUSY_RECOVERY"),
        (ffi::SQLITE_ERROR, "SQLITE_ERROR"),
        (ffi::SQLITE_PERM, "SQLITE_PERM"),
        (ffi::SQLITE_BUSY, "SQLITE_BUSY"),
        (ffi::SQLITE_LOCKED, "SQLITE_LOCKED"),
        (ffi::SQLITE_READONLY, "SQLITE_READONLY"),
        (ffi::SQLITE_IOERR, "SQLITE_IOERR"),
        (ffi::SQLITE_CORRUPT, "SQLITE_CORRUPT"),
        (ffi::SQLITE_FULL, "SQLITE_FULL"),
        (ffi::SQLITE_CANTOPEN, "SQLITE_CANTOPEN"),
        (ffi::SQLITE_AUTH, "SQLITE_AUTH"),
        (ffi::SQLITE_NOTADB, "SQLITE_NOTADB"),
    ];
    let find = |code| known.iter().find(|(number, _)| *number == code).map(|(_, name)| *name);
    match (find(extended), find(extended & 0xff)) {
        (Some(name), _) => name.to_owned(),
        (None, Some(name)) => format!("{name} {extended}"),
        (None, None) => format!("SQLite {extended}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_states() {
        let rows = [
            (5, ServerState::Starting, Patience::Deadline, "SQLITE_BUSY"),
            (517, ServerState::Starting, Patience::Deadline, "SQLITE_BUSY_SNAPSHOT"),
            (8, ServerState::ReadOnly, Patience::None, "SQLITE_READONLY"),
            (1544, ServerState::ReadOnly, Patience::None, "SQLITE_READONLY_DIRECTORY"),
            (14, ServerState::Denied, Patience::None, "SQLITE_CANTOPEN"),
            (26, ServerState::Down, Patience::None, "SQLITE_NOTADB"),
            (11, ServerState::Down, Patience::None, "SQLITE_CORRUPT"),
            (267, ServerState::Down, Patience::None, "SQLITE_CORRUPT 267"),
            (13, ServerState::Starting, Patience::Deadline, "SQLITE_FULL"),
            (778, ServerState::Starting, Patience::Deadline, "SQLITE_IOERR 778"),
        ];
        for (code, state, patience, name) in rows {
            let refusal = refusal(&Error::SqliteFailure(ffi::Error::new(code), None), Path::new("data/app.db"));
            assert_eq!(
                (refusal.state, refusal.patience, refusal.code.as_deref()),
                (state, patience, Some(name)),
                "{code}"
            );
        }
    }

    #[test]
    fn only_locks_are_tried_again() {
        let of = |code| transience(&Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!((of(5), of(517), of(6)), (Transience::Transient, Transience::Transient, Transience::Transient));
        assert_eq!((of(19), of(11), of(8)), (Transience::Permanent, Transience::Permanent, Transience::Permanent));
    }
}
