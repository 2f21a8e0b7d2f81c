//! Whether a failed command is worth another attempt. Decided by its last lines, then by the state of the database.

use database::Refusal;
use host::process::Exit;
use retry::{Classify, Transience};
use std::future::Future;

/// Whether a failed command is worth another attempt, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Try again.
    pub(super) again: bool,
    /// Why or why not, for the line that people read.
    pub(super) why: String,
    /// Nothing told the reason.
    pub(super) unexplained: bool,
}

/// Judges a failure; `ask` looks at the database and is only called when the words don't tell.
///
/// A reason that nobody knows is tried once more, when `is_first`: the command may have met the very end of a recovery and not
/// said so. The second time it is final.
pub(super) async fn judge<F>(exit: Exit, tail: &[String], is_first: bool, ask: impl FnOnce() -> F) -> Judgement
where
    F: Future<Output = Option<Refusal>>,
{
    if let Some(judgement) = by_exit(exit).or_else(|| by_words(tail)) {
        return judgement;
    }
    match ask().await {
        Some(refusal) => by_refusal(&refusal),
        None => unexplained(is_first),
    }
}

fn by_exit(exit: Exit) -> Option<Judgement> {
    let why = match exit {
        Exit::Code(126) => "the shell could not run it (exit code 126)",
        Exit::Code(127) => "the shell did not find it (exit code 127)",
        _ => return None,
    };
    Some(Judgement { again: false, why: why.to_owned(), unexplained: false })
}

/// The last line that tells decides: a command may have overcome what it told before.
fn by_words(tail: &[String]) -> Option<Judgement> {
    tail.iter().rev().find_map(|line| by_line(line))
}

/// Within a line the permanent reason is the finer one: `connection failed: … password authentication failed`.
fn by_line(line: &str) -> Option<Judgement> {
    let words = line.to_ascii_lowercase();
    let among = |table: &[&str]| table.iter().any(|text| tells(&words, text));
    let again = match (among(PERMANENT), among(TRANSIENT)) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => return None,
    };
    Some(Judgement { again, why: line.trim().to_owned(), unexplained: false })
}

/// A SQLSTATE must stand alone: revisions, times and numbers of lines have the same digits in them.
fn tells(words: &str, text: &str) -> bool {
    let is_code = text.len() == 5 && text.bytes().any(|byte| byte.is_ascii_digit());
    let within = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    words.match_indices(text).any(|(at, _)| {
        let (before, after) = (&words[..at], &words[at + text.len()..]);
        !is_code || !before.ends_with(|c| within(c) || c == '.') && !after.starts_with(within)
    })
}

fn by_refusal(refusal: &Refusal) -> Judgement {
    let again = refusal.transience() == Transience::Transient;
    Judgement { again, why: format!("the database is {}: {refusal}", refusal.state), unexplained: false }
}

fn unexplained(first: bool) -> Judgement {
    let why = match first {
        true => "its words tell no reason and the database is ready; once more, it may have met the end of a recovery",
        false => "its words tell no reason, the database is ready, and it failed like this before",
    };
    Judgement { again: first, why: why.to_owned(), unexplained: true }
}

/// Waiting may help. Lower case. Texts of PostgreSQL, libpq, the system and common drivers; SQLSTATEs where a tool prints them.
const TRANSIENT: &[&str] = &[
    "57p03",
    "57p02",
    "57p01",
    "53300",
    "40001",
    "40p01",
    "55p03",
    "25006",
    "08000",
    "08001",
    "08003",
    "08006",
    "cannotconnectnow",
    "toomanyconnections",
    "serializationfailure",
    "deadlockdetected",
    "locknotavailable",
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is in recovery mode",
    "not yet accepting connections",
    "is not accepting connections",
    "too many clients already",
    "remaining connection slots are reserved",
    "terminating connection due to",
    "server closed the connection unexpectedly",
    "connection refused",
    "connection reset",
    "connection timed out",
    "timeout expired",
    "could not connect to server",
    "could not translate host name",
    "temporary failure in name resolution",
    "no route to host",
    "network is unreachable",
    "broken pipe",
    "read-only transaction",
    "deadlock detected",
    "could not serialize access",
    "database is locked",
];

/// Waiting cannot help.
const PERMANENT: &[&str] = &[
    "password authentication failed",
    "no pg_hba.conf entry",
    "28p01",
    "28000",
    "3d000",
    "syntax error",
    "syntaxerror",
    "permission denied",
    "insufficientprivilege",
    "42601",
    "42501",
    "42p01",
    "42p07",
    "42701",
    "42703",
    "42704",
    "42710",
    "23505",
    "23502",
    "23503",
    "already exists",
    "undefinedtable",
    "undefinedcolumn",
    "duplicatetable",
    "duplicatecolumn",
    "uniqueviolation",
    "modulenotfounderror",
    "importerror",
    "no module named",
    "command not found",
    "can't locate revision",
    "multiple head revisions",
    "no such file or directory: 'alembic.ini'",
    "no 'script_location' key",
];

#[cfg(test)]
mod tests {
    use super::*;
    use database::{Patience, ServerState};
    use std::future::ready;

    async fn judged(exit: Exit, text: &str, first: bool, refusal: Option<Refusal>) -> (bool, String) {
        let tail: Vec<_> = text.lines().map(str::to_owned).collect();
        let judgement = judge(exit, &tail, first, || ready(refusal)).await;
        (judgement.again, judgement.why)
    }

    /// S0.1, S0.3: the seed's own error is tried again; errors of data and of the file are not.
    #[tokio::test]
    async fn words_decide_first() {
        let table = [
            (
                "Traceback (most recent call last):\n\
                 psycopg2.OperationalError: connection to server at \"db\" (10.0.0.2), port 5432 failed: FATAL:  the database \
                 system is not yet accepting connections\nDETAIL:  Consistent recovery state has not been yet reached.\n\n\
                 (Background on this error at: https://sqlalche.me/e/20/e3q8)",
                true,
            ),
            ("asyncpg.exceptions.CannotConnectNowError: the database system is starting up", true),
            ("ConnectionRefusedError: [Errno 111] Connect call failed\nconnection refused", true),
            ("sqlalchemy.exc.OperationalError: FATAL: sorry, too many clients already", true),
            (
                "connection to server failed: Connection refused\nretrying\nERROR: syntax error at or near \"TABEL\"",
                false,
            ),
            ("connection failed: FATAL:  password authentication failed for user \"bot\"", false),
            ("sqlalchemy.exc.ProgrammingError: (psycopg2.errors.DuplicateTable) relation \"a\" already exists", false),
            ("ModuleNotFoundError: No module named 'alembic'", false),
            ("FAILED: Can't locate revision identified by 'ae1027a6acf'", false),
        ];
        for (text, again) in table {
            assert_eq!(judged(Exit::Code(1), text, true, None).await.0, again, "{text}");
        }
    }

    /// Revisions of Alembic, times and sizes are full of digits.
    #[tokio::test]
    async fn only_a_code_that_stands_alone_is_a_code() {
        for text in [
            "File \"/app/versions/f142501ab9c0_add.py\", line 3",
            "Running upgrade 8a42p01c -> 23505de0",
            "done after 1.42703 s",
            "row 4042601",
        ] {
            assert!(judged(Exit::Code(1), text, false, None).await.1.contains("its words tell no reason"), "{text}");
        }
        for (text, again) in [("ERROR:  57P03: starting", true), ("pq: SQLSTATE 42501.", false), ("code=57p01", true)] {
            let (told, why) = judged(Exit::Code(1), text, false, None).await;
            assert_eq!((told, why.as_str()), (again, text));
        }
    }

    #[tokio::test]
    async fn then_the_database_then_one_more_try() {
        let refusal = |patience| Refusal {
            state: ServerState::Starting,
            patience,
            code: Some("57P03".into()),
            message: "the database system is starting up".into(),
            detail: None,
            hint: None,
        };
        let (again, why) = judged(Exit::Code(1), "boom", false, Some(refusal(Patience::Deadline))).await;
        assert!(again && why.contains("starting up (SQLSTATE 57P03)"), "{why}");
        assert!(!judged(Exit::Code(1), "boom", true, Some(refusal(Patience::None))).await.0);
        assert!(judged(Exit::Code(1), "boom", true, None).await.0);
        assert!(!judged(Exit::Code(1), "boom", false, None).await.0);
        assert!(!judged(Exit::Code(127), "connection refused", true, None).await.0);
    }
}
