//! Where events and lines go. Chapters hold one; the command line decides what is behind it.

use crate::{Event, logfmt};
use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Takes events.
pub trait Journal: Send + Sync {
    /// Takes note of `event`. Never blocks for long and never fails.
    fn note(&self, event: Event);
}

/// Which of a child's two outputs a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Takes the lines that services write.
pub trait Lines: Send + Sync {
    /// Takes one whole line of `service`, without its end of line. Not always UTF-8.
    fn line(&self, service: &str, stream: Stream, line: &[u8]);

    /// Takes several whole lines of `service` at once, each with its `\n`: the way of those that come fast.
    fn lines(&self, service: &str, stream: Stream, block: &[u8]) {
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            self.line(service, stream, line.strip_suffix(b"\n").unwrap_or(line));
        }
    }

    /// The same for lines with memory of their own, which whoever takes them may keep, so that they need not be copied. What comes
    /// back is there to be filled next; what it holds is of no meaning.
    fn block(&self, service: &str, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        self.lines(service, stream, &block);
        block
    }

    /// Resolves when there is room for more lines. Wait for it before reading what will be told: then whoever writes faster than
    /// anybody reads is slowed down, and nobody else is. Safe to drop and call again.
    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(ready(()))
    }
}

/// Keeps events and lines in memory, for tests.
#[derive(Debug, Default)]
pub struct Recorder {
    events: Mutex<Vec<Event>>,
    lines: Mutex<Vec<(String, Stream, Vec<u8>)>>,
}

impl Recorder {
    /// The events so far, as logfmt.
    pub fn events(&self) -> Vec<String> {
        locked(&self.events).iter().map(logfmt).collect()
    }

    /// The names of the events so far.
    pub fn names(&self) -> Vec<&'static str> {
        locked(&self.events).iter().map(|event| event.name).collect()
    }

    /// The sentences of the events so far.
    pub fn texts(&self) -> Vec<String> {
        locked(&self.events).iter().map(|event| event.text.clone()).collect()
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<(String, Stream, Vec<u8>)> {
        locked(&self.lines).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal for Recorder {
    fn note(&self, event: Event) {
        locked(&self.events).push(event);
    }
}

impl Lines for Recorder {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        locked(&self.lines).push((service.to_owned(), stream, line.to_vec()));
    }
}
