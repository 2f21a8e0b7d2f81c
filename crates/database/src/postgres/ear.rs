//! Listens while a session begins, for what the driver does not pass on: the backend's process id and the notices
//! before a sudden end (a crash says 57P02 as a WARNING, then closes).
//!
//! Message layout: PostgreSQL manual, "Message Formats".

use super::SqlError;
use std::sync::{Arc, Mutex, PoisonError};

/// More than this in one message is none of ours.
const LONGEST: usize = 64 * 1024;
/// As many notices are kept.
const MOST: usize = 16;

/// What was heard so far; shared with whoever wants to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    backend_pid: Option<i32>,
    notices: Vec<SqlError>,
    end: Option<SqlError>,
}

impl Heard {
    /// The process id of the backend.
    pub(crate) fn backend_pid(&self) -> Option<i32> {
        self.with(|inner| inner.backend_pid)
    }

    /// The notices so far.
    pub(crate) fn notices(&self) -> Vec<SqlError> {
        self.with(|inner| inner.notices.clone())
    }

    /// Keeps a notice.
    pub(crate) fn notice(&self, notice: SqlError) {
        self.with(|inner| {
            if inner.notices.len() == MOST {
                inner.notices.remove(0);
            }
            inner.notices.push(notice);
        });
    }

    /// Keeps why the session ended.
    pub(crate) fn ended(&self, why: SqlError) {
        self.with(|inner| inner.end = Some(why));
    }

    /// Why the session ended, in the server's own words: its last error, or a notice that announces an end (57P01,
    /// 57P02).
    pub(crate) fn last_words(&self) -> Option<SqlError> {
        self.with(|inner| {
            let announced = || inner.notices.iter().rev().find(|notice| notice.code.starts_with("57P")).cloned();
            let said = inner.end.clone().filter(|end| end.code != super::error::LOST);
            said.or_else(announced).map(|words| SqlError { lost: true, ..words })
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Cuts the bytes from the server into messages until the session is ready; then it hears nothing any more.
#[derive(Debug)]
pub(crate) struct Ear {
    heard: Heard,
    pending: Vec<u8>,
    deaf: bool,
}

impl Ear {
    /// Tells `heard`.
    pub(crate) fn new(heard: Heard) -> Self {
        Self { heard, pending: Vec::new(), deaf: false }
    }

    /// Takes the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if self.deaf {
            return;
        }
        self.pending.extend_from_slice(bytes);
        while let Some((kind, length)) = header(&self.pending) {
            self.deaf = kind == b'Z' || !(4..LONGEST).contains(&length);
            if self.deaf {
                self.pending = Vec::new();
                return;
            }
            let Some(body) = self.pending.get(5..1 + length) else { return };
            hear(&self.heard, kind, body);
            self.pending.drain(..1 + length);
        }
    }
}

/// Kind of the message, and its length without the kind.
fn header(bytes: &[u8]) -> Option<(u8, usize)> {
    let (kind, rest) = bytes.split_first()?;
    let length = u32::from_be_bytes(*rest.first_chunk()?);
    Some((*kind, length as usize))
}

fn hear(heard: &Heard, kind: u8, body: &[u8]) {
    match kind {
        b'K' => heard.with(|inner| inner.backend_pid = body.first_chunk().map(|pid| i32::from_be_bytes(*pid))),
        b'N' => heard.notice(fields(body)),
        b'E' => heard.ended(fields(body)),
        _ => {}
    }
}

/// The fields of an ErrorResponse or NoticeResponse: a letter and a zero-ended text each.
fn fields(body: &[u8]) -> SqlError {
    let mut error = SqlError::default();
    for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        let text = String::from_utf8_lossy(&field[1..]).into_owned();
        match field[0] {
            b'V' => error.severity = text,
            b'S' if error.severity.is_empty() => error.severity = text,
            b'C' => error.code = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            _ => {}
        }
    }
    error.lost = matches!(error.severity.as_str(), "FATAL" | "PANIC");
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], length.to_be_bytes().as_slice(), body].concat()
    }

    fn crash() -> Vec<u8> {
        let notice =
            b"SWARNUNG\0VWARNING\0C57P02\0Mterminating connection because of crash of another server process\0\0";
        [message(b'R', &[0, 0, 0, 0]), message(b'K', &[0, 0, 1, 2, 9, 9, 9, 9]), message(b'N', notice)].concat()
    }

    /// A crash of another backend is a WARNING and then nothing; the warning is the reason.
    #[test]
    fn a_warning_before_the_end_is_the_reason() {
        let heard = Heard::default();
        Ear::new(heard.clone()).take(&crash());
        let words = heard.last_words().unwrap();
        assert_eq!((words.code.as_str(), words.severity.as_str(), words.lost), ("57P02", "WARNING", true));
        assert_eq!(heard.backend_pid(), Some(258));
    }

    #[test]
    fn after_ready_nothing_is_heard() {
        let heard = Heard::default();
        let mut ear = Ear::new(heard.clone());
        ear.take(&message(b'Z', b"I"));
        ear.take(&crash());
        assert_eq!((heard.backend_pid(), heard.notices().len()), (None, 0));
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(at in 0usize..100) {
            let bytes = crash();
            let at = at.min(bytes.len());
            let heard = Heard::default();
            let mut ear = Ear::new(heard.clone());
            ear.take(&bytes[..at]);
            ear.take(&bytes[at..]);
            prop_assert_eq!(heard.notices().len(), 1);
        }

        #[test]
        fn nonsense_does_no_harm(bytes: Vec<u8>) {
            Ear::new(Heard::default()).take(&bytes);
        }
    }
}
