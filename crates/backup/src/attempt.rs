//! What became of the last try to copy a database, for whoever asks later: a file that the next try replaces.

use crate::{Id, manifest::MODE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{io, path::Path};

const VERSION: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;

/// What became of the last try, and of the last one that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    version: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Which database it was, as [`crate::Source::id`] says it; nothing while none could be asked.
    pub database: Option<String>,
    /// The copy, where one was stored.
    pub copy: Option<Id>,
    /// Why the last one that did not end in a VERIFIED copy failed; this one, or one before.
    pub failure: Option<Failure>,
}

/// A try that did not end in a VERIFIED copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it ended.
    pub at: Timestamp,
    /// Why, without secrets.
    pub reason: String,
}

impl Attempt {
    /// The one after `before`: a copy of `database`, or why there is none or it is not VERIFIED.
    pub fn after(before: Option<Self>, at: Timestamp, copy: Option<(String, Id)>, reason: Option<String>) -> Self {
        let (known, failed) = before.map_or((None, None), |before| (before.database, before.failure));
        let (database, copy) = copy.unzip();
        let failure = reason.map(|reason| Failure { at, reason }).or(failed);
        Self { version: VERSION, at, database: database.or(known), copy, failure }
    }

    /// Did this very one fail?
    pub fn failed(&self) -> Option<&Failure> {
        self.failure.as_ref().filter(|failure| failure.at == self.at)
    }

    /// The one that is written in `path`; nothing when nobody has tried.
    ///
    /// # Errors
    /// The file is there and cannot be read, or is not understood.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match host::fs::read(path, MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let attempt: Self = serde_json::from_slice(&text)?;
        match attempt.version {
            VERSION => Ok(Some(attempt)),
            other => {
                Err(io::Error::other(format!("it has version {other}, and this mainstay knows version {VERSION}")))
            }
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        host::fs::write_atomic(path, serde_json::to_string_pretty(self)?.as_bytes(), MODE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// S1.16: the last failure is told until another takes its place, and which database it was is not forgotten.
    #[test]
    fn the_last_failure_stays() {
        let copy = || Some(("pg-1".to_owned(), Id::new(at(1))));
        let good = Attempt::after(None, at(1), copy(), None);
        assert_eq!((good.failed(), good.database.as_deref()), (None, Some("pg-1")));
        let bad = Attempt::after(Some(good), at(2), None, Some("no room".into()));
        assert_eq!(bad.failed().map(|it| it.reason.as_str()), Some("no room"));
        assert_eq!((bad.copy, bad.database.as_deref()), (None, Some("pg-1")));
        let good = Attempt::after(Some(bad), at(3), copy(), None);
        assert_eq!((good.failed(), good.failure.as_ref().map(|it| it.at)), (None, Some(at(2))));
    }
}
