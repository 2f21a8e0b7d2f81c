//! What cannot be run inside the transaction that every file gets.

use super::{Dialect, Statement, statements};
use std::{fmt, ops::Range};

/// What cannot be run inside the transaction that every file gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// `BEGIN`, `COMMIT` and the like: the file would end or begin the transaction itself.
    Transaction(String),
    /// `COPY … FROM STDIN`: its rows are psql's business, not SQL.
    CopyFromStdin,
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

/// The first obstacle in `sql`.
pub(crate) fn first_obstacle(sql: &str, dialect: Dialect) -> Option<Found> {
    let statements = statements(sql, dialect);
    let inside = statements.iter().find_map(|statement| in_statement(sql, statement, dialect));
    inside.into_iter().chain(down_section(sql)).min_by_key(|found| found.range.start)
}

/// Does the file ask for foreign keys to be off, as SQLite's own recipe for changing a table does? The pragma has no effect
/// inside a transaction, so whoever runs the file has to do it before.
pub(crate) fn wants_foreign_keys_off(sql: &str) -> bool {
    statements(sql, Dialect::Sqlite).iter().any(|statement| {
        statement.is(0, "PRAGMA")
            && statement.words.iter().any(|word| word == "FOREIGN_KEYS")
            && statement.words.last().is_some_and(|word| matches!(word.as_str(), "OFF" | "0" | "FALSE" | "NO"))
    })
}

fn in_statement(sql: &str, statement: &Statement, dialect: Dialect) -> Option<Found> {
    let text = &sql[statement.range.clone()];
    let first_line = text.lines().next().unwrap_or_default();
    let found =
        |obstacle, length| Some(Found { obstacle, range: statement.range.start..statement.range.start + length });
    if let Some(word) = transaction_word(statement) {
        return found(Obstacle::Transaction(word), first_line.len());
    }
    if dialect == Dialect::Postgres && text.starts_with('\\') {
        let command = first_line.split_whitespace().next().unwrap_or_default();
        return found(Obstacle::PsqlCommand(command.to_owned()), command.len());
    }
    if dialect == Dialect::Postgres && statement.is(0, "COPY") && has_pair(statement, "FROM", "STDIN") {
        return found(Obstacle::CopyFromStdin, first_line.len());
    }
    None
}

/// The words with which a statement would take the transaction out of our hands. `ROLLBACK TO` a savepoint does not.
fn transaction_word(statement: &Statement) -> Option<String> {
    let first = statement.words.first()?;
    let takes_over = match first.as_str() {
        "BEGIN" | "COMMIT" | "END" | "ABORT" => true,
        "START" | "PREPARE" => statement.is(1, "TRANSACTION"),
        "ROLLBACK" => !statement.words.iter().any(|word| word == "TO"),
        _ => false,
    };
    let two = matches!(first.as_str(), "START" | "PREPARE");
    takes_over.then(|| if two { format!("{first} TRANSACTION") } else { first.clone() })
}

fn has_pair(statement: &Statement, first: &str, second: &str) -> bool {
    statement.words.windows(2).any(|pair| pair[0] == first && pair[1] == second)
}

/// Both directions in one file, as dbmate, goose and tern have it: run whole, it would undo what it did.
fn down_section(sql: &str) -> Option<Found> {
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
            Obstacle::CopyFromStdin => f.write_str("`COPY … FROM STDIN` needs psql"),
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
            Obstacle::CopyFromStdin => "write the rows as `INSERT INTO … VALUES …`",
            Obstacle::PsqlCommand(_) => "take it out, or write what it does in SQL",
            Obstacle::DownSection { .. } => {
                "move that section into a file of the same name that ends in `.down.sql`; this version of mainstay applies plain files"
            }
        }
    }
}
