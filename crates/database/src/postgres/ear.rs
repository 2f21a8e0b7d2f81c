//! Listens while a session begins, for what the driver does not pass on: the backend's process id and the notices
//! before a sudden end (a crash says 57P02 as a WARNING, then closes).
//!
//! Message layout: PostgreSQL manual, "Message Formats". The driver keeps a message until it is whole, whatever length a
//! stranger names, so what a stranger may send is bounded here.

use super::SqlError;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// One message at the beginning of a session is shorter, and all of them together are.
const LONGEST: usize = 64 * 1024;
const LONGEST_BEGINNING: usize = 1024 * 1024;
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
    /// How many bytes the server may still send; nothing for no limit.
    allowance: Option<usize>,
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

    /// Keeps why the session ended. That the connection was lost tells less than what was known before.
    pub(crate) fn ended(&self, why: SqlError) {
        self.with(|inner| match &inner.end {
            Some(_) if why.code == super::error::LOST => {}
            _ => inner.end = Some(why),
        });
    }

    /// From now on the server may send so many bytes, for a question whose answer is short.
    pub(crate) fn allow(&self, bytes: usize) {
        self.with(|inner| inner.allowance = Some(bytes));
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let enough = self.with(|inner| {
            let left = inner.allowance.map(|left| left.checked_sub(bytes));
            inner.allowance = left.map(Option::unwrap_or_default);
            left != Some(None)
        });
        if enough { Ok(()) } else { Err(self.nonsense()) }
    }

    fn nonsense(&self) -> io::Error {
        let message = "what the server sends is not PostgreSQL's protocol, or far too much";
        self.ended(SqlError { code: "08P01".into(), message: message.into(), lost: true, ..SqlError::default() });
        io::Error::new(io::ErrorKind::InvalidData, message)
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

/// Cuts the bytes from the server into messages until the session is ready; then it only counts them.
#[derive(Debug)]
pub(crate) struct Ear {
    heard: Heard,
    pending: Vec<u8>,
    taken: usize,
    deaf: bool,
}

impl Ear {
    /// Tells `heard`.
    pub(crate) fn new(heard: Heard) -> Self {
        Self { heard, pending: Vec::new(), taken: 0, deaf: false }
    }

    /// Takes the next bytes.
    ///
    /// Errors: they cannot be PostgreSQL's, or are more than was allowed; [`Heard`] knows that as the end.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.deaf {
            return self.heard.spend(bytes.len());
        }
        self.taken += bytes.len();
        self.pending.extend_from_slice(bytes);
        while let Some((kind, length)) = header(&self.pending) {
            self.deaf = kind == b'Z';
            if self.deaf {
                self.pending = Vec::new();
                return Ok(());
            }
            if !(4..LONGEST).contains(&length) {
                return Err(self.heard.nonsense());
            }
            let Some(body) = self.pending.get(5..1 + length) else { break };
            hear(&self.heard, kind, body);
            self.pending.drain(..1 + length);
        }
        if self.taken > LONGEST_BEGINNING { Err(self.heard.nonsense()) } else { Ok(()) }
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
        Ear::new(heard.clone()).take(&crash()).unwrap();
        let words = heard.last_words().unwrap();
        assert_eq!((words.code.as_str(), words.severity.as_str(), words.lost), ("57P02", "WARNING", true));
        assert_eq!(heard.backend_pid(), Some(258));
    }

    #[test]
    fn after_ready_nothing_is_heard() {
        let heard = Heard::default();
        let mut ear = Ear::new(heard.clone());
        ear.take(&message(b'Z', b"I")).unwrap();
        ear.take(&crash()).unwrap();
        assert_eq!((heard.backend_pid(), heard.notices().len()), (None, 0));
    }

    /// The driver would keep whatever length is named until it is there.
    #[test]
    fn a_stranger_is_not_listened_to_for_long() {
        let heard = Heard::default();
        let error = Ear::new(heard.clone()).take(b"HTTP/1.1 400 Bad Request").unwrap_err();
        heard.ended(SqlError::lost(error.to_string()));
        assert_eq!(heard.last_words().unwrap().code, "08P01", "the loss that follows does not cover the reason");

        let (mut ear, notice) = (Ear::new(Heard::default()), message(b'N', &[b'x'; 60_000]));
        assert!((0..100).any(|_| ear.take(&notice).is_err()), "notices without an end");
    }

    #[test]
    fn after_ready_only_so_much_as_is_allowed() {
        let heard = Heard::default();
        let mut ear = Ear::new(heard.clone());
        ear.take(&message(b'Z', b"I")).unwrap();
        ear.take(&[0; 100_000]).unwrap();
        heard.allow(10);
        ear.take(&[0; 10]).unwrap();
        ear.take(&[0; 1]).unwrap_err();
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_does_not_matter(at in 0usize..100) {
            let bytes = crash();
            let at = at.min(bytes.len());
            let heard = Heard::default();
            let mut ear = Ear::new(heard.clone());
            ear.take(&bytes[..at]).unwrap();
            ear.take(&bytes[at..]).unwrap();
            prop_assert_eq!(heard.notices().len(), 1);
        }

        #[test]
        fn nonsense_does_no_harm(bytes: Vec<u8>) {
            let _ = Ear::new(Heard::default()).take(&bytes);
        }
    }
}
