//! On a copy of the SQLite file, rows included.

use super::{
    Ground, Rehearsal,
    play::{self, Way},
};
use crate::{
    Goal, Job, MigrateError,
    engine::Engine,
    job::Run,
    sqlite::{blocking, refused},
};
use config::Target;
use host::fs::Scratch;
use retry::Transience;
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// So many pages are copied while writers wait.
const PAGES: i32 = 1024;
/// Between two steps, for the writers.
const PAUSE: Duration = Duration::from_millis(1);

/// Copies the database, runs what is pending there, and looks whether the copy is sound.
pub(super) async fn rehearse(run: &Run<'_>, path: &Path, dir: &Path, goal: &Goal) -> Result<Rehearsal, MigrateError> {
    let scratch = Arc::new(Scratch::beside(path).map_err(|error| trouble(&error.to_string()))?);
    let copied = scratch.path().join("copy.db");
    copy(path, Arc::clone(&scratch), copied.clone()).await?;
    let target = Target::Sqlite(copied);
    let job = Job { target: &target, ..*run.job };
    let there = Run::new(&job);
    Engine::with(&there, async |engine| {
        let before = check(engine).await?;
        let files = play::play(&job, engine, dir, goal, Way::Unwitnessed).await?;
        let mut broken = check(engine).await?;
        broken.retain(|it| !before.contains(it));
        Ok(Rehearsal { broken, ..Rehearsal::of(Ground::Copy, files) })
    })
    .await
}

fn trouble(words: &str) -> MigrateError {
    MigrateError::Sql { doing: "make room for a copy", error: words.to_owned(), transience: Transience::Permanent }
}

/// The thread that copies is stopped when nobody waits for it any more; it keeps the directory until then.
async fn copy(from: &Path, scratch: Arc<Scratch>, to: PathBuf) -> Result<(), MigrateError> {
    if host::fs::metadata(from).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(());
    }
    let waiting = Waiting::default();
    let called_off = Arc::clone(&waiting.called_off);
    let from = from.to_owned();
    blocking(move || {
        let _scratch = scratch;
        pages(&from, &to, &called_off).map_err(|error| refused(&error, &from))
    })
    .await
}

/// Somebody waits for the copy.
#[derive(Default)]
struct Waiting {
    called_off: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.called_off.store(true, Ordering::SeqCst);
    }
}

fn pages(from: &Path, to: &Path, called_off: &AtomicBool) -> rusqlite::Result<()> {
    let from = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut to = Connection::open(to)?;
    let backup = Backup::new(&from, &mut to)?;
    while !called_off.load(Ordering::SeqCst) && backup.step(PAGES)? != StepResult::Done {
        thread::park_timeout(PAUSE);
    }
    Ok(())
}

/// What SQLite's own checks complain about.
async fn check(engine: &mut Engine) -> Result<Vec<String>, MigrateError> {
    let keys = "SELECT 'row ' || coalesce(rowid, '?') || ' of `' || \"table\" || '` refers to a row of `' || parent || \
                '` that is not there' FROM pragma_foreign_key_check LIMIT 100";
    let mut complaints = engine.ask("check the foreign keys", keys.to_owned()).await?;
    complaints.extend(engine.ask("check the file", "PRAGMA quick_check(20)".to_owned()).await?);
    let texts = complaints.into_iter().filter_map(|cells| cells.into_iter().next().flatten());
    Ok(texts.filter(|text| text != "ok").collect())
}
