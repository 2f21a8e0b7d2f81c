//! Which restores could be undone: `restores.json` beside the copies.
//!
//! What is about to be exchanged is written down before it is, and once more when it has been: whoever is killed in between leaves no
//! database that nobody knows of. The next who opens the book looks at the databases and settles it.

use crate::{BackupError, Id, Job, manifest::MODE, postgres, sqlite};
use config::Target;
use jiff::Timestamp;
use report::{Event, Level};
use serde::{Deserialize, Serialize};
use std::{
    fmt, io,
    path::{Path, PathBuf},
};

const NAME: &str = "restores.json";
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;

/// The restores that could be undone, the latest last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Book {
    version: u32,
    swaps: Vec<Swap>,
    /// What was about to happen when it was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Begun>,
}

/// A database that took the place of another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Swap {
    /// When.
    pub(super) at: Timestamp,
    /// The copy that it was made of.
    pub(super) id: Id,
    /// How the other one is called since.
    pub(super) before: String,
}

/// An exchange of names that may have been done, or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Begun {
    /// A new database takes the place of the one that is there.
    Swap(Swap),
    /// The last swap is taken back.
    Undo {
        /// When.
        at: Timestamp,
    },
}

/// What became of an exchange that nobody has seen the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// There was none.
    Nothing,
    /// It had been done.
    Done,
    /// It had not.
    NotDone,
    /// The last one had been undone.
    Undone,
    /// It had not.
    NotUndone,
}

/// The book of one database, in the hands of whoever may change it.
pub(crate) struct Ledger {
    book: Book,
    dir: PathBuf,
    /// What opening it has found.
    pub(super) settled: Settled,
}

impl Ledger {
    /// Opens the book in `dir`, under the lock of the copies there; what was left open is settled, told, and written down.
    pub(super) async fn open(job: &Job<'_>, dir: &Path) -> Result<Self, BackupError> {
        let begun = Book::read(dir)?.begun;
        let ledger = Self::look(job, dir).await?;
        if ledger.settled != Settled::Nothing {
            tell(job, &ledger);
            if let (Target::Sqlite(path), Some(Begun::Swap(swap)), Settled::NotDone) =
                (job.target, begun, ledger.settled)
            {
                sqlite::let_go(path, &path.with_file_name(swap.before))?;
            }
            ledger.book.write(dir)?;
        }
        Ok(ledger)
    }

    /// The same for who only looks: it is settled in memory alone.
    pub(super) async fn look(job: &Job<'_>, dir: &Path) -> Result<Self, BackupError> {
        let mut book = Book::read(dir)?;
        let settled = book.settle(job).await?;
        Ok(Self { book, dir: dir.to_owned(), settled })
    }

    /// What could be undone.
    pub(super) fn last(&self) -> Option<&Swap> {
        self.book.swaps.last()
    }

    /// Right before a new database takes the place of the one that will be called `before`.
    pub(crate) fn about_to_swap(&mut self, at: Timestamp, id: Id, before: &str) -> Result<(), BackupError> {
        self.book.begun = Some(Begun::Swap(Swap { at, id, before: before.to_owned() }));
        self.book.write(&self.dir)
    }

    /// Right before what was replaced last takes its place again.
    pub(super) fn about_to_undo(&mut self, at: Timestamp) -> Result<(), BackupError> {
        self.book.begun = Some(Begun::Undo { at });
        self.book.write(&self.dir)
    }

    /// It has been done. Where that cannot be written down, the next who opens the book finds it out.
    pub(crate) fn done(&mut self) {
        if let Some(begun) = self.book.begun.take() {
            self.book.close(begun, true);
            let _ = self.book.write(&self.dir);
        }
    }

    /// It failed; whether it has been done all the same is found out, now or by the next who opens the book.
    pub(crate) async fn failed(&mut self, job: &Job<'_>) {
        if self.book.settle(job).await.is_ok() {
            let _ = self.book.write(&self.dir);
        }
    }
}

/// A restore, or the undoing of one, that was cut off while names were exchanged: what became of it is known once the database is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Which database, by the name of the directory of its copies.
    pub database: String,
    /// When.
    pub at: Timestamp,
    /// Where the database from before is kept, if it was replaced.
    pub before: String,
    /// Was it undone?
    pub undo: bool,
}

/// `a restore of 2026-11-24T14:30:00Z was cut off; if anything was replaced, it is kept as `app_before_ffq69g5fav``
impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, undo, .. } = self;
        let at = self.at.strftime("%FT%TZ");
        match undo {
            false => write!(f, "a restore of {at} was cut off; if anything was replaced, it is kept as `{before}`"),
            true => write!(f, "undoing a restore was cut off at {at}; if it was not done, `{before}` is there still"),
        }
    }
}

/// All of an application whose copies lie below `to`. Asks no database. A book that cannot be read is told by whoever needs it.
pub fn cut_off(to: &Path, app: &str) -> Vec<CutOff> {
    let one = |dir: PathBuf| {
        let book = Book::read(&dir).ok()?;
        let database = dir.file_name()?.to_string_lossy().into_owned();
        let (at, before, undo) = match book.begun.as_ref()? {
            Begun::Swap(swap) => (swap.at, swap.before.clone(), false),
            Begun::Undo { at } => (*at, book.swaps.last()?.before.clone(), true),
        };
        Some(CutOff { database, at, before, undo })
    };
    crate::shelf::directories(&to.join(app)).unwrap_or_default().into_iter().filter_map(one).collect()
}

fn tell(job: &Job<'_>, ledger: &Ledger) {
    let name = super::name(job.target);
    let text = match (ledger.settled, ledger.last()) {
        (Settled::Done, Some(swap)) => format!(
            "restore: the last one of `{name}` was cut off after the exchange; what was there is kept as `{}`, and --undo knows it",
            swap.before
        ),
        (Settled::Undone, _) => format!("restore: undoing the last one of `{name}` was cut off when it was done"),
        (Settled::NotUndone, _) => {
            format!("restore: undoing the last one of `{name}` was cut off before anything was exchanged")
        }
        _ => format!("restore: the last one of `{name}` was cut off before anything was exchanged"),
    };
    job.journal.note(Event::new("restore.settled", text).level(Level::Warn).with("database", name));
}

impl Book {
    fn read(dir: &Path) -> Result<Self, BackupError> {
        let wrong = |error| BackupError::files("what is known of earlier restores cannot be read", error);
        let text = match host::fs::read(&dir.join(NAME), MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, swaps: Vec::new(), begun: None });
            }
            text => text.map_err(wrong)?,
        };
        let book: Self = serde_json::from_slice(&text).map_err(|error| wrong(io::Error::other(error)))?;
        match book.version {
            VERSION => Ok(book),
            other => {
                Err(wrong(io::Error::other(format!("`{NAME}` has version {other}, and this mainstay knows {VERSION}"))))
            }
        }
    }

    fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other);
        let written = text.and_then(|text| host::fs::write_atomic(&dir.join(NAME), text.as_bytes(), MODE));
        written.map_err(|error| BackupError::files("the restore cannot be written down, so it is not done", error))
    }

    /// Finds out what became of what was begun.
    async fn settle(&mut self, job: &Job<'_>) -> Result<Settled, BackupError> {
        let Some(begun) = self.begun.clone() else { return Ok(Settled::Nothing) };
        let done = match (&begun, self.swaps.last()) {
            (Begun::Swap(swap), _) => is_kept(job, &swap.before).await?,
            (Begun::Undo { .. }, Some(swap)) => !is_kept(job, &swap.before).await?,
            (Begun::Undo { .. }, None) => false,
        };
        self.begun = None;
        let settled = match (done, &begun) {
            (true, Begun::Swap(_)) => Settled::Done,
            (true, Begun::Undo { .. }) => Settled::Undone,
            (false, Begun::Swap(_)) => Settled::NotDone,
            (false, Begun::Undo { .. }) => Settled::NotUndone,
        };
        self.close(begun, done);
        Ok(settled)
    }

    fn close(&mut self, begun: Begun, done: bool) {
        match begun {
            Begun::Swap(swap) if done => self.swaps.push(swap),
            Begun::Undo { .. } if done => drop(self.swaps.pop()),
            Begun::Swap(_) | Begun::Undo { .. } => {}
        }
    }
}

/// Is there a database of this name, and is it another one than ours?
async fn is_kept(job: &Job<'_>, before: &str) -> Result<bool, BackupError> {
    match job.target {
        Target::Sqlite(path) => Ok(sqlite::is_kept(path, &path.with_file_name(before))),
        Target::Postgres(dsn) => postgres::is_there(job, dsn, before).await,
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}
