//! What stands in a file that must not be run as it is.

use super::{
    Dialect,
    split::{Statement, split},
    token::{Quote, Unterminated},
    wrapped::{transaction_word, unwrapped},
};
use std::{fmt, ops::Range};

/// What stands in a file that must not be run as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `BEGIN`, `COMMIT` and the like: the file would end or begin the transaction itself.
    Transaction(String),
    /// The file's directive asks for one transaction, and a statement that the server refuses inside one stands in it.
    StandsAlone(String),
    /// `RESET ALL`: it would reset what mainstay has set for the transaction, too.
    ResetsAll,
    /// A quoted text, a quoted name or a comment that is never closed.
    NeverClosed(Quote),
    /// A psql command: `\i`, `\restrict`.
    PsqlCommand(String),
    /// A section that undoes the migration, in the same file, made for another tool.
    DownSection {
        /// The line that begins it.
        directive: String,
        /// The tool that reads it.
        tool: &'static str,
    },
}

/// An [`Obstacle`] and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What it is.
    pub(crate) obstacle: Obstacle,
    /// Its bytes.
    pub(crate) range: Range<usize>,
}

/// The first obstacle in `sql`; `whole` is what the file's directive says, as for [`super::segment::segments`]. A file that
/// brings its own transaction is asked for what is inside it.
pub(crate) fn first_obstacle(sql: &str, dialect: Dialect, whole: Option<bool>) -> Option<Found> {
    let statements = match split(sql, dialect) {
        Ok(statements) => statements,
        Err(open) => return Some(never_closed(open)),
    };
    let inner = unwrapped(&statements).unwrap_or(0..statements.len());
    statements[inner].iter().find_map(|statement| in_statement(sql, statement, dialect, whole))
}

/// What is open is the obstacle.
fn never_closed(open: Unterminated) -> Found {
    Found { obstacle: Obstacle::NeverClosed(open.quote), range: open.range }
}

/// Does the file ask for foreign keys to be off, as SQLite's own recipe for changing a table does? The pragma has no effect
/// inside a transaction, so whoever runs the file has to do it before.
pub(crate) fn wants_foreign_keys_off(sql: &str) -> bool {
    split(sql, Dialect::Sqlite).unwrap_or_default().iter().any(|statement| {
        statement.is(0, "PRAGMA")
            && statement.words.iter().any(|word| word == "FOREIGN_KEYS")
            && statement.words.last().is_some_and(|word| matches!(word.as_str(), "OFF" | "0" | "FALSE" | "NO"))
    })
}

fn in_statement(sql: &str, statement: &Statement, dialect: Dialect, whole: Option<bool>) -> Option<Found> {
    let start = statement.range.start;
    let first_line = sql[statement.range.clone()].lines().next().unwrap_or_default();
    let found = |obstacle, length| Some(Found { obstacle, range: start..start + length });
    if let Some(command) = statement.psql_command() {
        return found(Obstacle::PsqlCommand(command.to_owned()), command.len());
    }
    if let Some(word) = transaction_word(statement) {
        return found(Obstacle::Transaction(word), first_line.len());
    }
    if dialect == Dialect::Postgres && statement.begins(&["RESET", "ALL"]) {
        return found(Obstacle::ResetsAll, first_line.len());
    }
    if whole == Some(true) && statement.nature(sql, dialect).stands_alone() {
        return found(Obstacle::StandsAlone(first_words(statement)), first_line.len());
    }
    None
}

/// `CREATE INDEX CONCURRENTLY`, `VACUUM`
pub(crate) fn first_words(statement: &Statement) -> String {
    let concurrently = statement.words.iter().take(4).position(|word| word == "CONCURRENTLY").map(|at| at + 1);
    let alone = matches!(statement.words.first().map(String::as_str), Some("VACUUM" | "CLUSTER"));
    statement.words[..concurrently.unwrap_or(if alone { 1 } else { 2 }).min(statement.words.len())].join(" ")
}

/// Both directions in one file, as dbmate, goose and tern have it: run whole, it would undo what it did.
pub(crate) fn down_section(sql: &str) -> Option<Found> {
    let mut start = 0;
    for line in sql.split_inclusive('\n') {
        let text = line.trim_end();
        if let Some(tool) = down_tool(text) {
            let obstacle = Obstacle::DownSection { directive: text.to_owned(), tool };
            return Some(Found { obstacle, range: start..start + text.len() });
        }
        start += line.len();
    }
    None
}

fn down_tool(line: &str) -> Option<&'static str> {
    let comment = line.strip_prefix("--")?;
    let words = comment.trim().to_ascii_lowercase();
    match words.as_str() {
        "+goose down" => Some("goose"),
        _ if words.split_whitespace().next() == Some("migrate:down") => Some("dbmate"),
        _ if comment.starts_with("-- ") && words.contains("create above / drop below") => Some("tern"),
        _ => None,
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Transaction(word) => write!(f, "`{word}` would take the transaction out of mainstay's hands"),
            Obstacle::StandsAlone(words) => write!(f, "PostgreSQL refuses `{words}` inside a transaction"),
            Obstacle::ResetsAll => {
                f.write_str("`RESET ALL` would take back the time limits and the mark of its transaction as well")
            }
            Obstacle::NeverClosed(quote) => write!(f, "a {quote} is never closed"),
            Obstacle::PsqlCommand(command) => write!(f, "`{command}` is a command of psql, not SQL"),
            Obstacle::DownSection { directive, tool } => {
                write!(f, "`{directive}` begins a section that only {tool} knows to leave out")
            }
        }
    }
}

impl Obstacle {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Obstacle::Transaction(_) => {
                "take it out: every file runs in one transaction, together with its row in the ledger"
            }
            Obstacle::StandsAlone(_) => {
                "take out the directive that asks for one transaction, or put the statement into a file of its own"
            }
            Obstacle::ResetsAll => {
                "reset settings by their names (`RESET search_path`); what a file sets for its session ends with the file anyway"
            }
            Obstacle::NeverClosed(_) => "close it; everything behind it was read as part of it",
            Obstacle::PsqlCommand(_) => "take it out, or write what it does in SQL",
            Obstacle::DownSection { .. } => {
                "say whose file it is with `style` in `[migrations]` (flag `--style`), or move that section into a file of the same name that \
                 ends in `.down.sql`"
            }
        }
    }
}

#[cfg(test)]
mod tests;
