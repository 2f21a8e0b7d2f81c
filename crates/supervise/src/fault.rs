//! Faults that have a name, by what a service wrote last. Pure: a table, and two that look closer.
//!
//! Texts are those of the programs that write them; they are hints for people and decide nothing.

use std::path::Path;

/// A fault that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its stable name, such as `two-pollers`.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

/// A row of the table: one line holds all parts of one of the patterns, whatever its letters' case.
struct Row {
    name: &'static str,
    patterns: &'static [&'static [&'static str]],
    what: &'static str,
    hint: &'static str,
}

/// The first that fits wins, so that what names a cause stands before what names a consequence.
const TABLE: [Row; 5] = [
    // Telegram's Bot API answers `getUpdates` with 409 while somebody else asks, too.
    Row {
        name: "two-pollers",
        patterns: &[&["terminated by other getupdates request"], &["409", "conflict", "getupdates"]],
        what: "somebody else polls with the same token",
        hint: "look for another copy: another host, an old container, a laptop, a webhook; `handover = \"exclusive\"` keeps two mainstays apart",
    },
    Row {
        name: "read-only-sqlite",
        patterns: &[&["attempt to write a readonly database"]],
        what: "it may not write its SQLite database",
        hint: "the user of the service must own the file and its directory (-wal and -shm are made beside it), and the disk must be mounted writable",
    },
    Row {
        name: "redis-unreachable",
        patterns: &[
            &["redis", "connection refused"],
            &["redis", "econnrefused"],
            &["error 111 connecting to", "6379"],
            &["econnrefused", ":6379"],
            &["redis", "name or service not known"],
            &["redis", "timeout connecting"],
        ],
        what: "it does not reach its Redis",
        hint: "declare it in `[dependencies]` and name it in `needs`: then the service waits for it instead of ending",
    },
    Row {
        name: "address-in-use",
        patterns: &[&["address already in use"], &["eaddrinuse"], &["only one usage of each socket address"]],
        what: "somebody else listens on its address",
        hint: "`ss -ltnp` shows who; with `listen` mainstay holds the socket itself and names the holder at the start",
    },
    Row {
        name: "bad-token",
        patterns: &[&["token is invalid"], &["invalid token"], &["401", "unauthorized"], &["token", "is required"]],
        what: "its token is missing or not accepted",
        hint: "`mainstay env check` shows what is set; declare it in `[env]` with `required = true`, so that nothing starts without it",
    },
];

const MISSING_VARIABLE: &str =
    "set it, or declare it in `[env]` with `required = true`, so that nothing starts without it";
const LISTENS: &str = "serve on the socket that it is handed (`LISTEN_FDS`, descriptor 3); a program that can only bind by itself wants `port = \"auto\"` behind `[proxy]`, or no `listen`";
const OUTSIDE: &str =
    "every path that it writes to should lie below the data directory: give it `MAINSTAY_DATA`, or set `data`";
const SILENT: &str =
    "set `PYTHONUNBUFFERED = \"1\"` in its `env`: Python keeps what it prints in a buffer when nobody watches";

/// What is known of a service besides its lines.
#[derive(Clone, Copy, Debug)]
pub struct Suspect<'a> {
    /// Its program and arguments.
    pub argv: &'a [String],
    /// Does it have `PYTHONUNBUFFERED`?
    pub unbuffered: bool,
    /// mainstay holds its socket (`listen`).
    pub listens: bool,
    /// The data directory.
    pub data: &'a Path,
    /// It has ended.
    pub ended: bool,
}

/// The fault that the last `lines` of one process name, the latest line first; nothing when they name none.
pub fn fault(lines: &[String], suspect: Suspect<'_>) -> Option<Fault> {
    if lines.is_empty() {
        return silent(suspect);
    }
    lines
        .iter()
        .rev()
        .find_map(|line| named(line).or_else(|| missing_variable(line)).or_else(|| outside(line, suspect.data)))
        .map(|fault| if suspect.listens { of_listener(fault) } else { fault })
}

/// Where mainstay holds the socket, nobody else can be the one who has the address.
fn of_listener(fault: Fault) -> Fault {
    match fault.name {
        "address-in-use" => Fault {
            what: "it binds its address itself, which mainstay holds for it".to_owned(),
            hint: LISTENS,
            ..fault
        },
        _ => fault,
    }
}

fn named(line: &str) -> Option<Fault> {
    let line = line.to_lowercase();
    let fits = |row: &&Row| row.patterns.iter().any(|parts| parts.iter().all(|part| line.contains(part)));
    let row = TABLE.iter().find(fits)?;
    Some(Fault { name: row.name, what: row.what.to_owned(), hint: row.hint })
}

/// `KeyError: 'TG_BOT_TOKEN'`, `environment variable not found: X`, `X is not set`, `missing environment variable X`.
fn missing_variable(line: &str) -> Option<Fault> {
    let lower = line.to_lowercase();
    let says = lower.contains("keyerror: '")
        || lower.contains("environment variable")
            && (lower.contains("not found") || lower.contains("missing") || lower.contains("not set"))
        || lower.contains("is not set")
        || lower.contains("unbound variable");
    let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let name = words.rfind(|word| is_variable(word)).filter(|_| says)?;
    Some(Fault { name: "missing-variable", what: format!("the variable `{name}` is missing"), hint: MISSING_VARIABLE })
}

/// As people name variables: `TG_BOT_TOKEN`, `TOKEN`; not `KeyError`, not `PID`.
fn is_variable(word: &str) -> bool {
    let letters = |word: &str| word.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_');
    word.len() > 3
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && letters(word)
        && !matches!(word, "ERROR" | "FATAL" | "CRITICAL" | "WARNING" | "INFO" | "DEBUG")
}

/// A path that may not be written to, or is not there, outside of the data directory.
fn outside(line: &str, data: &Path) -> Option<Fault> {
    let lower = line.to_lowercase();
    let refused = ["permission denied", "read-only file system", "eacces", "erofs"];
    refused.iter().any(|word| lower.contains(word)).then_some(())?;
    let mut quoted = line.split(['\'', '"', '`']).skip(1).step_by(2);
    let path = quoted.find(|text| text.starts_with('/') && !Path::new(text).starts_with(data))?;
    let what = format!("it may not write to `{path}`, outside of the data directory");
    Some(Fault { name: "outside-data", what, hint: OUTSIDE })
}

/// A Python that has ended without a line.
fn silent(suspect: Suspect<'_>) -> Option<Fault> {
    let program = suspect.argv.first().and_then(|program| Path::new(program).file_name()?.to_str())?;
    let python = ["python", "uvicorn", "gunicorn", "celery"].iter().any(|name| program.starts_with(name));
    let what = "it wrote nothing at all, perhaps because its output is buffered".to_owned();
    (python && suspect.ended && !suspect.unbuffered).then_some(Fault { name: "buffered-output", what, hint: SILENT })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(line: &str) -> Option<&'static str> {
        let suspect =
            Suspect { argv: &[], unbuffered: false, listens: false, data: Path::new("/srv/app/data"), ended: true };
        fault(&[line.to_owned()], suspect).map(|fault| fault.name)
    }

    /// S2.19: two pollers and the other faults of the field are named, by lines as real programs write them.
    #[test]
    fn faults_of_the_field_have_names() {
        for (line, expected) in [
            (
                "telegram.error.Conflict: Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                "two-pollers",
            ),
            (
                r#"{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}"#,
                "two-pollers",
            ),
            ("sqlite3.OperationalError: attempt to write a readonly database", "read-only-sqlite"),
            (
                "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6379. Connection refused.",
                "redis-unreachable",
            ),
            ("[ioredis] Unhandled error event: Error: connect ECONNREFUSED 127.0.0.1:6379", "redis-unreachable"),
            ("OSError: [Errno 98] Address already in use", "address-in-use"),
            ("Error: listen EADDRINUSE: address already in use :::8000", "address-in-use"),
            ("KeyError: 'TG_BOT_TOKEN'", "missing-variable"),
            ("./run.sh: line 3: DATABASE_URL: unbound variable", "missing-variable"),
            ("thread 'main' panicked: environment variable not found: SPORTMONKS_TOKEN", "missing-variable"),
            ("aiogram.utils.token.TokenValidationError: Token is invalid!", "bad-token"),
            ("PermissionError: [Errno 13] Permission denied: '/var/lib/bot/state.json'", "outside-data"),
            ("OSError: [Errno 30] Read-only file system: '/app/cache'", "outside-data"),
        ] {
            assert_eq!(name(line), Some(expected), "{line}");
        }
    }

    /// S2.19: who binds an address that mainstay holds for it is told so, and not to look for somebody else.
    #[test]
    fn an_address_that_mainstay_holds() {
        let lines = ["OSError: [Errno 98] Address already in use".to_owned()];
        let suspect = Suspect { argv: &[], unbuffered: true, listens: true, data: Path::new("/data"), ended: true };
        let ours = fault(&lines, suspect).unwrap();
        assert_eq!(
            (ours.name, ours.what.as_str()),
            ("address-in-use", "it binds its address itself, which mainstay holds for it")
        );
        let other = fault(&lines, Suspect { listens: false, ..suspect }).unwrap();
        assert_eq!(other.what, "somebody else listens on its address");
    }

    #[test]
    fn what_only_looks_alike_is_not_named() {
        for line in [
            "KeyError: 'chat_id'",
            "HTTP 409 Conflict: the row was changed",
            "PermissionError: [Errno 13] Permission denied: '/srv/app/data/state.json'",
            "INFO nothing is not settled",
            "connected to redis at 127.0.0.1:6379",
        ] {
            assert_eq!(name(line), None, "{line}");
        }
    }

    /// S2.19: the latest line counts, and silence of a Python is named, too.
    #[test]
    fn the_latest_line_and_no_line() {
        let argv = ["/usr/bin/python3".to_owned(), "bot.py".to_owned()];
        let suspect = Suspect { argv: &argv, unbuffered: false, listens: false, data: Path::new("/data"), ended: true };
        let lines = ["Address already in use", "KeyError: 'TG_BOT_TOKEN'", "bye"].map(str::to_owned);
        let found = fault(&lines, suspect).unwrap();
        assert_eq!((found.name, found.what.as_str()), ("missing-variable", "the variable `TG_BOT_TOKEN` is missing"));
        assert_eq!(fault(&[], suspect).map(|fault| fault.name), Some("buffered-output"));
        assert_eq!(fault(&[], Suspect { unbuffered: true, ..suspect }), None);
        assert_eq!(fault(&[], Suspect { ended: false, ..suspect }), None);
    }
}
