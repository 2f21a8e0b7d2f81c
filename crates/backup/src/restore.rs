//! Making a database of a copy, in the place of the one that is there; and back.
//!
//! The new one is made beside the old one and compared with what was in the source. Only then it takes the name; the old one is
//! kept under another one, so that [`undo`] can put it back.

mod book;
mod empty;
mod lost;
mod threat;
mod undo;

pub(crate) use book::Ledger;
pub use book::{CutOff, cut_off};
pub use empty::empty;
pub(crate) use lost::Now;
pub use lost::{Loss, Lost, lost};
pub(crate) use threat::vanishes;
pub use threat::{Threat, threat};
pub use undo::undo;

use crate::{
    BackupError, Copy, Doing, Id, Job, Keys, Manifest, Request, Why,
    manifest::Kind,
    postgres,
    proof::{Found, Proven, understood},
    remote::at_hand,
    seal,
    shelf::{self, Shelf},
    sqlite, take,
};
use config::Target;
use host::fs::Scratch;
use report::{Event, count, seconds};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// What came of a restore, or of undoing one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Restored {
    /// The copy.
    pub id: Id,
    /// The database that has its name now.
    pub database: String,
    /// How the one that had it is called; nothing when there was none.
    pub before: Option<String>,
    /// The copy that was taken of the one that had it.
    pub safety: Option<Id>,
    /// How many rows there are.
    pub rows: u64,
    /// Seconds.
    pub took: f64,
}

/// How a restore is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Take no copy of the database that is replaced: it may be damaged.
    pub without_safety: bool,
    /// Whoever uses it goes on until the new one is ready, and is stopped only then.
    pub still_used: bool,
}

/// A new database, made of a copy and compared with what the source was, that has not taken its name yet. Dropped without
/// [`Prepared::give_up`] it stays beside until the next restore sweeps it.
pub struct Prepared {
    made: Made,
    manifest: Manifest,
    how: How,
    safety: Option<Id>,
    ledger: Ledger,
    begun: Instant,
    _shelf: Shelf,
}

enum Made {
    Postgres(Box<postgres::Beside>),
    Sqlite { scratch: Scratch },
}

/// Makes a database of the copy in the place of the one that is there.
///
/// # Errors
/// Nothing was changed, then: the copy is damaged, what was made of it is not what the source was, somebody uses the database, or
/// no copy could be taken of it first.
pub async fn restore(job: &Job<'_>, copy: &Copy, how: How) -> Result<Restored, BackupError> {
    prepare(job, copy, how).await?.take_place(job).await
}

/// Takes a safety copy of what is there, and makes a database of the copy beside it. What is there is not touched.
///
/// # Errors
/// As those of [`restore`].
pub async fn prepare(job: &Job<'_>, copy: &Copy, how: How) -> Result<Prepared, BackupError> {
    let begun = Instant::now();
    let manifest = understood(copy)?;
    fits(job, &manifest)?;
    let here = at_hand(job, copy).await?;
    let copy = &here.copy;
    whole(job, copy, &manifest)?;
    seal::need_keys(&copy.path, &manifest, job.keys)?;
    let safety = safety(job, &manifest, how).await?;
    let shelf = Shelf::open(job.to, job.app, &identity(job).await?)?;
    let ledger = Ledger::open(job, shelf.dir()).await?;
    let made = match job.target {
        Target::Sqlite(path) => Made::Sqlite { scratch: made_of_sqlite(job, copy, &manifest, path).await? },
        Target::Postgres(dsn) => {
            Made::Postgres(Box::new(postgres::make(job, copy, &manifest, dsn, postgres::Content::OfCopy).await?))
        }
        other => return Err(BackupError::WrongTarget { kind: other.kind() }),
    };
    Ok(Prepared { made, manifest, how, safety, ledger, begun, _shelf: shelf })
}

impl Prepared {
    /// It takes the name; what had it is kept under another one.
    ///
    /// # Errors
    /// Nothing was changed, then: somebody uses the database, or its server is away.
    pub async fn take_place(mut self, job: &Job<'_>) -> Result<Restored, BackupError> {
        let id = self.manifest.id;
        let before = match (self.made, job.target) {
            (Made::Postgres(beside), Target::Postgres(dsn)) => {
                beside.take_place(job, dsn, id, &mut self.ledger).await?
            }
            (Made::Sqlite { scratch }, Target::Sqlite(path)) => {
                of_sqlite(job, id, path, &new_file(&scratch), self.how, &mut self.ledger).await?
            }
            (_, other) => return Err(BackupError::WrongTarget { kind: other.kind() }),
        };
        let restored = Restored {
            id,
            database: name(job.target),
            before,
            safety: self.safety,
            rows: self.manifest.content.rows(),
            took: self.begun.elapsed().as_secs_f64(),
        };
        tell(job, &restored);
        Ok(restored)
    }

    /// The copy that was taken of what is there.
    pub fn safety(&self) -> Option<Id> {
        self.safety
    }

    /// It is not wanted any more.
    pub async fn give_up(self) {
        if let Made::Postgres(beside) = self.made {
            beside.give_up().await;
        }
    }
}

/// Is it a copy of a database of this kind?
fn fits(job: &Job<'_>, manifest: &Manifest) -> Result<(), BackupError> {
    match (job.target, manifest.source.kind) {
        (Target::Sqlite(_), Kind::Sqlite) | (Target::Postgres(_), Kind::Postgresql) => Ok(()),
        (target, kind) => Err(BackupError::Unfit(format!(
            "the copy `{}` is of a {kind} database, and `{target}` is {}",
            manifest.id,
            target.kind()
        ))),
    }
}

/// Are its files what they were when they were written?
pub(crate) fn whole(job: &Job<'_>, copy: &Copy, manifest: &Manifest) -> Result<(), BackupError> {
    job.progress.begin_anew(Doing::ReadingBack, Some(manifest.bytes()));
    for part in &manifest.files {
        let checked = seal::check(&copy.path, part, job.progress)
            .map_err(|error| BackupError::files("the copy cannot be read", error))?;
        checked.map_err(|why| BackupError::Damaged { id: copy.id.to_string(), why: format!("is damaged: {why}") })?;
    }
    Ok(())
}

/// A copy of what is there, unless nothing is. Where nobody has said for whom, it is encrypted like the one that is restored.
async fn safety(job: &Job<'_>, manifest: &Manifest, how: How) -> Result<Option<Id>, BackupError> {
    if how.without_safety || !exists(job).await? {
        return Ok(None);
    }
    if let (Target::Sqlite(path), false) = (job.target, how.still_used) {
        // It would be refused in the end.
        sqlite::alone(path)?;
    }
    let request = Request { why: Why::BeforeRestore, pin: None, unproven: true };
    let like_it = Keys::for_recipients(&manifest.recipients)?;
    let keys = if job.keys.encrypt() { job.keys } else { &like_it };
    // It lies here in any case, and that is what counts now.
    take(&Job { keys, ..*job }, &request).await.map(|taken| Some(taken.manifest.id))
}

async fn exists(job: &Job<'_>) -> Result<bool, BackupError> {
    match job.target {
        Target::Postgres(dsn) => postgres::exists(job, dsn).await,
        Target::Sqlite(path) => Ok(host::fs::metadata(path).is_ok()),
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}

/// Which database it is that gets the copy's content, also when it is not there yet.
async fn identity(job: &Job<'_>) -> Result<String, BackupError> {
    match job.target {
        Target::Sqlite(path) => Ok(sqlite::identity_of(path, job.now())),
        Target::Postgres(dsn) => postgres::identity(job, dsn).await,
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Sqlite(path) => file_name(path),
        Target::Postgres(dsn) => dsn.database.clone(),
        other => other.to_string(),
    }
}

fn new_file(scratch: &Scratch) -> PathBuf {
    scratch.path().join("new.sqlite")
}

/// The new file lies beside the old one.
async fn made_of_sqlite(job: &Job<'_>, copy: &Copy, manifest: &Manifest, path: &Path) -> Result<Scratch, BackupError> {
    let scratch =
        Scratch::beside(path).map_err(|error| BackupError::files("there is no room beside the database", error))?;
    equal(copy, sqlite::prove(job, &copy.path, manifest, new_file(&scratch)).await?)?;
    job.reach("restore.compared");
    Ok(scratch)
}

/// Answers with how the old one is called now, if there was one.
async fn of_sqlite(
    job: &Job<'_>,
    id: Id,
    path: &Path,
    new: &Path,
    how: How,
    ledger: &mut Ledger,
) -> Result<Option<String>, BackupError> {
    let before = free_name(path, "before", id);
    let old = if how.without_safety { sqlite::Old::AsItIs } else { sqlite::Old::Sound };
    if host::fs::metadata(path).is_err() {
        return sqlite::swap(path, new, &before, old, &|name| job.reach(name)).map(|()| None);
    }
    swap_files(job, path, new, &before, old, id, ledger).await?;
    Ok(Some(file_name(&before)))
}

/// `new` takes the place of the file that is there, which is written into the book before.
async fn swap_files(
    job: &Job<'_>,
    path: &Path,
    new: &Path,
    before: &Path,
    old: sqlite::Old,
    id: Id,
    ledger: &mut Ledger,
) -> Result<(), BackupError> {
    sqlite::alone(path)?;
    ledger.about_to_swap(job.now(), id, &file_name(before))?;
    job.reach("restore.begun");
    match sqlite::swap(path, new, before, old, &|name| job.reach(name)) {
        Ok(()) => {
            ledger.done();
            Ok(())
        }
        Err(error) => {
            ledger.failed(job).await;
            Err(error)
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What was made of the copy has to be what the source was.
pub(crate) fn equal(copy: &Copy, proven: Proven) -> Result<Duration, BackupError> {
    let damaged = |why: String| BackupError::Damaged { id: copy.id.to_string(), why };
    let took = match proven.restored {
        Found::Pass(took) => took,
        Found::Fail(why) | Found::CouldNotVerify(why) => return Err(damaged(format!("cannot be restored: {why}"))),
    };
    match proven.compared {
        Found::Pass(()) => Ok(took),
        Found::Fail(why) => Err(damaged(format!("was restored, and is not what the source was: {why}"))),
        Found::CouldNotVerify(why) => Err(damaged(format!("was restored, and could not be compared: {why}"))),
    }
}

/// `app.db_before_ffq69g5fav`, which nobody has.
fn free_name(path: &Path, what: &str, id: Id) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbered = |number: u32| match number {
        1 => path.with_file_name(format!("{name}_{what}_{}", id.short())),
        _ => path.with_file_name(format!("{name}_{what}_{}_{number}", id.short())),
    };
    let ours = host::fs::identity(path).ok();
    let taken = |candidate: &PathBuf| host::fs::identity(candidate).is_ok_and(|it| Some(it) != ours);
    (1..).map(numbered).find(|candidate| !taken(candidate)).unwrap_or_else(|| numbered(1))
}

fn tell(job: &Job<'_>, restored: &Restored) {
    let took = Duration::try_from_secs_f64(restored.took).unwrap_or_default();
    let rows = count(usize::try_from(restored.rows).unwrap_or(usize::MAX), "row");
    let kept = restored.before.as_ref().map(|before| format!("; what was there is kept as `{before}`"));
    let (id, database) = (restored.id, &restored.database);
    let text =
        format!("restore: `{database}` is what `{id}` shows: {rows}, in {}{}", seconds(took), kept.unwrap_or_default());
    let event = Event::new("restore.done", text).with("id", id.to_string()).with("database", database.clone());
    job.journal.note(event.with("rows", restored.rows).with("took", took));
}

/// Which exchange [`undo`] would take back: when it was, and how the database is called that it would put back; nothing without one. Two
/// answers that differ tell that something was replaced, or put back, in between; a name alone may come twice.
///
/// # Errors
/// Its server cannot be asked, or what is known of earlier restores cannot be read.
pub async fn last_replaced(job: &Job<'_>) -> Result<Option<String>, BackupError> {
    let Some(identity) = known(job).await? else { return Ok(None) };
    let ledger = Ledger::look(job, &job.to.join(job.app).join(identity)).await?;
    Ok(ledger.last().map(|swap| format!("{} {}", swap.at, swap.before)))
}

/// Which database it is, if there ever were copies of it.
async fn known(job: &Job<'_>) -> Result<Option<String>, BackupError> {
    let identity = match job.target {
        Target::Sqlite(path) => sqlite::identity(path),
        _ => Some(identity(job).await?),
    };
    Ok(identity.filter(|identity| shelf::is_there(job.to, job.app, identity)))
}
