//! What is wrong with a file, and why the database refused one.

use crate::{Obstacle, Version};
use report::Place;
use retry::Transience;
use std::{fmt, io::ErrorKind};

/// A file that is no migration, or that cannot be run as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The file as the user knows it.
    pub name: String,
    /// What is wrong.
    pub problem: Problem,
    /// Where in the file.
    pub place: Option<Box<Place>>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Its name does not begin with a number.
    NoVersion,
    /// Another file has the same number.
    SameVersion {
        /// The number.
        version: Version,
        /// The other file.
        other: String,
    },
    /// It is larger than [`crate::directory::LARGEST`].
    TooLarge,
    /// It cannot be read at all.
    Unreadable {
        /// What kind of error it was.
        kind: ErrorKind,
        /// The system's words.
        message: String,
    },
    /// Its name is not UTF-8.
    NameNotUtf8,
    /// It is not UTF-8.
    NotUtf8 {
        /// The first byte that isn't, counted from 0.
        byte: usize,
    },
    /// It has a zero byte.
    Nul {
        /// Where, counted from 0.
        byte: usize,
    },
    /// A file that undoes a migration that is not there.
    NoUp {
        /// Its number.
        version: Version,
    },
    /// A number is left out before it, where none may be.
    Gap {
        /// The number that should come here.
        expected: String,
    },
    /// It was changed while it was being applied.
    Moving,
    /// Nothing has been written into it since it was made.
    Unwritten,
    /// A directive in it is misspelt, missing or out of place.
    Flaw {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It cannot be run.
    Obstacle(Obstacle),
}

/// A file that the database refused, or that did what no migration may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFailure {
    /// The file as the user knows it.
    pub file: String,
    /// Where in the file.
    pub place: Option<Place>,
    /// The database's words.
    pub message: String,
    /// DETAIL, CONTEXT and the like.
    pub details: Vec<String>,
    /// SQLSTATE, or SQLite's extended result code.
    pub code: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Files that were applied before it in this run and stay applied.
    pub kept: Vec<String>,
    /// The file ended its transaction itself: what it did before that is kept, and not recorded.
    pub in_part: bool,
    /// The statement that failed may end transactions itself (`CALL`): what it committed before stays, and is begun anew.
    pub committed: bool,
    /// So many of its statements were done one by one, outside of a transaction, and stay.
    pub statements: usize,
    /// May it succeed later?
    pub transience: Transience,
}

impl FileFailure {
    /// Was the server going, or not the one that takes writes? Nothing is wrong with the file then.
    pub(crate) fn is_for_a_server_away(&self) -> bool {
        self.transience == Transience::Transient && self.code.as_deref().is_none_or(is_away)
    }

    /// Of which nothing is known yet but what was kept; trying again does not help.
    pub(crate) fn new(file: &str, message: String, kept: Vec<String>, statements: usize) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message,
            details: Vec::new(),
            code: None,
            hint: None,
            kept,
            in_part: false,
            committed: false,
            statements,
            transience: Transience::Permanent,
        }
    }

    /// The file took the transaction out of our hands.
    pub(crate) fn ended(file: &str, hint: String, kept: Vec<String>, statements: usize) -> Self {
        let message = "it ended the transaction that it was run in".to_owned();
        Self { hint: Some(hint), in_part: true, ..Self::new(file, message, kept, statements) }
    }
}

/// SQLSTATEs of a server that is not there or not ready, and of a connection that was lost.
pub(super) fn is_away(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "25006")
}

impl fmt::Display for FileFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "migration `{}` failed: {}", self.file, self.message)?;
        match &self.code {
            Some(code) if code.len() == 5 => write!(f, " (SQLSTATE {code})"),
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.problem {
            Problem::NoVersion => write!(f, "`{name}` does not begin with a number"),
            Problem::SameVersion { version, other } => {
                write!(f, "`{name}` and `{other}` have the same number {version}")
            }
            Problem::TooLarge => {
                write!(f, "`{name}` is larger than {}", report::bytes(crate::directory::LARGEST))
            }
            Problem::Unreadable { message, .. } => write!(f, "`{name}` cannot be read: {message}"),
            Problem::NameNotUtf8 => write!(f, "the name of `{name}` is not UTF-8"),
            Problem::NotUtf8 { byte } => write!(f, "`{name}` is not UTF-8 at byte {byte}"),
            Problem::Nul { byte } => write!(f, "`{name}` has a zero byte at {byte}"),
            Problem::NoUp { version } => write!(f, "`{name}` undoes {version}, and no file migrates to it"),
            Problem::Gap { expected } => write!(f, "before `{name}` the number {expected} is left out"),
            Problem::Moving => write!(f, "`{name}` was changed while it was being applied"),
            Problem::Unwritten => write!(f, "`{name}` is empty: nothing has been written into it yet"),
            Problem::Flaw { message, .. } => write!(f, "`{name}`: {message}"),
            Problem::Obstacle(obstacle @ Obstacle::NeverClosed(_)) => write!(f, "`{name}` cannot be read: {obstacle}"),
            Problem::Obstacle(obstacle) => write!(f, "`{name}` cannot be run as one transaction: {obstacle}"),
        }
    }
}
