//! What comes in, and what shall be done.

use crate::lines::LogLine;
use control::{Status, Verb};

/// What comes in.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// The terminal has this size now.
    Resized {
        /// Its width.
        columns: u16,
        /// Its height.
        rows: u16,
    },
    /// How the application is.
    Status {
        /// The answer.
        status: Box<Status>,
        /// The time of day at which it came.
        clock: String,
    },
    /// The running mainstay did not answer, and why.
    Lost(String),
    /// Why a service is as it is, in words.
    Why {
        /// The service.
        service: String,
        /// The words, line by line.
        text: Vec<String>,
    },
    /// An order was carried out or refused.
    Ordered {
        /// What was ordered.
        order: Order,
        /// What became of it.
        end: End,
    },
    /// Lines have come, oldest first.
    Lines {
        /// The number of the [`Follow`] that they belong to.
        follow: u64,
        /// The lines.
        lines: Vec<LogLine>,
    },
    /// The lines cannot be shown, and why.
    NoLines(String),
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask why this service is as it is.
    Why(String),
    /// Give an order.
    Give(Order),
    /// Follow lines; nobody wants others any more.
    Follow(Follow),
    /// Draw everything anew.
    Redraw,
    /// End.
    Quit,
}

/// Something to be done with a service or a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub act: Act,
    /// With which service or job.
    pub name: String,
}

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Of a service.
    Do(Verb),
    /// Of a job.
    RunNow,
}

impl Act {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Act::Do(verb) => verb.word(),
            Act::RunNow => "run",
        }
    }

    pub(crate) fn doing(self) -> &'static str {
        match self {
            Act::Do(Verb::Restart) => "restarting",
            Act::Do(Verb::Start) => "starting",
            Act::Do(Verb::Stop) => "stopping",
            Act::RunNow => "running",
        }
    }

    pub(crate) fn consequence(self) -> &'static str {
        match self {
            Act::Do(Verb::Restart) => "it is away until it is up again",
            Act::Do(Verb::Stop) => "it stays away until it is started",
            Act::Do(Verb::Start) => "",
            Act::RunNow => "now, besides its due times",
        }
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// It is as it was wanted.
    pub good: bool,
    /// In words.
    pub text: String,
}

/// Whose lines are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Counted upwards; lines bear it, so that late ones of another question are known.
    pub number: u64,
    /// Whose; none for all.
    pub services: Vec<String>,
    /// So many lines that have been written already.
    pub last: usize,
}

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say what stands on them")]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Tab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-L.
    Redraw,
}
