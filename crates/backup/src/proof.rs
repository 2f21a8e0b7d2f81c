//! Proving a copy: what lies there is read, restored and compared.

use crate::{
    BackupError, Copy, Doing, Job, Manifest,
    manifest::{Kind, Proof},
    postgres,
    remote::at_hand,
    seal,
    shelf::Shelf,
    sqlite,
    standing::{Stage, Standing, Step},
};
use host::fs::Scratch;
use report::{Check, Event, Level, Verdict, count, seconds};
use std::{io, path::Path, time::Duration};
use tokio::time::Instant;

/// What a look found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// It is right.
    Pass(T),
    /// It is wrong.
    Fail(String),
    /// It could not look.
    CouldNotVerify(String),
}

/// What came of a restore and a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// How long it took.
    pub(crate) restored: Found<Duration>,
    /// Looked at only when it was restored.
    pub(crate) compared: Found<()>,
    /// Where it was restored.
    pub(crate) ground: String,
    /// Was it restored while it was still being written?
    pub(crate) ahead: bool,
}

impl Proven {
    pub(crate) fn failed_to_restore(why: String) -> Self {
        Self {
            restored: Found::Fail(why),
            compared: Found::CouldNotVerify(String::new()),
            ground: String::new(),
            ahead: false,
        }
    }

    pub(crate) fn impossible(why: String) -> Self {
        Self {
            restored: Found::CouldNotVerify(why),
            compared: Found::CouldNotVerify(String::new()),
            ground: String::new(),
            ahead: false,
        }
    }
}

/// Looks at a copy again, from what is stored, and remembers what was found.
///
/// # Errors
/// What keeps us from looking or remembering at all; what was found is no error.
pub async fn verify(job: &Job<'_>, copy: &Copy) -> Result<Manifest, BackupError> {
    let Some(remote) = job.remote(&copy.place) else {
        let shelf = Shelf::of(copy)?;
        let manifest = understood(copy)?;
        return prove(job, shelf.dir(), &copy.path, manifest, async { None }).await;
    };
    let shelf = Shelf::open(job.to, job.app, &copy.database)?;
    let manifest = understood(copy)?;
    let here = at_hand(job, copy).await?;
    let manifest = prove(job, shelf.dir(), &here.copy.path, manifest, async { None }).await?;
    remote.note(job.app, &manifest).await?;
    Ok(manifest)
}

/// The manifest of a copy that somebody has named.
pub(crate) fn understood(copy: &Copy) -> Result<Manifest, BackupError> {
    copy.manifest.clone().map_err(|error| BackupError::Manifest { path: copy.path.clone(), error })
}

/// The same for who has the lock on `shelf`, the directory of copies of the database. `ahead`: a database that was made of the copy
/// while it was written, if there is one.
pub(crate) async fn prove(
    job: &Job<'_>,
    shelf: &Path,
    path: &Path,
    mut manifest: Manifest,
    ahead: impl Future<Output = Option<postgres::Ahead>>,
) -> Result<Manifest, BackupError> {
    let begun = Instant::now();
    let was_verified = manifest.is_verified();
    manifest.checks.clear();
    step(&mut manifest, Step::Again);
    // The disk reads while a processor restores.
    let (read, ahead) = tokio::join!(read_back(job, path, &mut manifest), ahead);
    read?;
    find_key(job, path, &mut manifest)?;
    if was_verified && manifest.standing.verdict == Verdict::CouldNotVerify {
        // Its files are those that were proven: that somebody has no key takes nothing from that.
        tell(job, &manifest);
        return Ok(manifest);
    }
    if manifest.standing.stage == Stage::ReadBack && manifest.standing.verdict == Verdict::Skipped {
        let ground = Scratch::beside(&shelf.join(manifest.id.to_string()));
        let ground = ground.map_err(|error| BackupError::files("there is no room for a proof", error))?;
        let proven = match manifest.source.kind {
            Kind::Sqlite => sqlite::prove(job, path, &manifest, ground.path().join("database.sqlite")).await?,
            Kind::Postgresql => postgres::prove(job, path, &manifest, ahead).await?,
        };
        remember(job, &mut manifest, proven, begun);
    }
    let written = manifest.write(path);
    written.map_err(|error| BackupError::files("what was found cannot be written beside the copy", error))?;
    job.reach("backup.compared");
    tell(job, &manifest);
    Ok(manifest)
}

/// Are the files what they were when they were written?
async fn read_back(job: &Job<'_>, path: &Path, manifest: &mut Manifest) -> Result<(), BackupError> {
    let (dir, parts, progress) = (path.to_owned(), manifest.files.clone(), job.progress.clone());
    progress.begin_anew(Doing::ReadingBack, Some(manifest.bytes()));
    let checked = sqlite::blocking(move |_| {
        let checks = parts.iter().map(|part| seal::check(&dir, part, &progress)).collect::<io::Result<Vec<_>>>();
        checks.map_err(|error| BackupError::files("the copy cannot be read", error))
    });
    if let Some(why) = checked.await?.into_iter().find_map(Result::err) {
        note(manifest, "read back", Verdict::Fail, why.clone());
        step(manifest, Step::Failed(why));
        return Ok(());
    }
    let files = count(manifest.files.len(), "file");
    note(manifest, "read back", Verdict::Pass, format!("{files} with the checksums taken while writing"));
    step(manifest, Step::Passed(Stage::ReadBack));
    job.reach("backup.read-back");
    // It may have begun already.
    job.progress.begin(Doing::Restoring, Some(manifest.raw_bytes()));
    Ok(())
}

/// Without a key nothing can be said about what an encrypted copy holds.
fn find_key(job: &Job<'_>, path: &Path, manifest: &mut Manifest) -> Result<(), BackupError> {
    if manifest.standing.stage < Stage::ReadBack || manifest.recipients.is_empty() {
        return Ok(());
    }
    match seal::check_keys(path, manifest, job.keys) {
        Ok(Ok(())) => note(manifest, "decrypt", Verdict::Pass, "there is a key".to_owned()),
        Ok(Err(why)) => stopped(manifest, "decrypt", Verdict::CouldNotVerify, why),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            stopped(manifest, "decrypt", Verdict::Fail, error.to_string());
        }
        Err(error) => return Err(BackupError::files("the copy cannot be read", error)),
    }
    Ok(())
}

fn remember(job: &Job<'_>, manifest: &mut Manifest, proven: Proven, begun: Instant) {
    let restored = match proven.restored {
        Found::Pass(took) => {
            let when = if proven.ahead { ", while it was written" } else { "" };
            note(manifest, "restore", Verdict::Pass, format!("on {}{when}, in {}", proven.ground, seconds(took)));
            step(manifest, Step::Passed(Stage::Restored));
            took
        }
        Found::Fail(why) => return stopped(manifest, "restore", Verdict::Fail, why),
        Found::CouldNotVerify(why) => return stopped(manifest, "restore", Verdict::CouldNotVerify, why),
    };
    job.reach("backup.restored");
    match proven.compared {
        Found::Pass(()) => {
            let seen = format!(
                "{} with {} as in the source at that instant",
                count(manifest.content.tables.len(), "table"),
                count(usize::try_from(manifest.content.rows()).unwrap_or(usize::MAX), "row")
            );
            note(manifest, "compare", Verdict::Pass, seen);
            step(manifest, Step::Passed(Stage::Compared));
            let (restore, took) = (restored.as_secs_f64(), begun.elapsed().as_secs_f64());
            manifest.proof = Some(Proof { at: job.now(), restore, took, ground: proven.ground });
        }
        Found::Fail(why) => stopped(manifest, "compare", Verdict::Fail, why),
        Found::CouldNotVerify(why) => stopped(manifest, "compare", Verdict::CouldNotVerify, why),
    }
}

fn stopped(manifest: &mut Manifest, subject: &str, verdict: Verdict, why: String) {
    note(manifest, subject, verdict, why.clone());
    let found = if verdict == Verdict::Fail { Step::Failed(why) } else { Step::CouldNotVerify(why) };
    step(manifest, found);
}

fn note(manifest: &mut Manifest, subject: &str, verdict: Verdict, seen: String) {
    manifest.checks.push(Check { subject: subject.to_owned(), verdict, seen, hint: None });
}

/// Steps are taken in order here; one that is not leaves the copy unproven, which is safe.
pub(crate) fn step(manifest: &mut Manifest, step: Step) {
    let standing = std::mem::replace(&mut manifest.standing, Standing::begun());
    let (stage, verdict) = (standing.stage, standing.verdict);
    manifest.standing = standing.step(step).unwrap_or_else(|error| Standing {
        stage,
        verdict: if verdict == Verdict::Pass { Verdict::Skipped } else { verdict },
        why: Some(error.to_string()),
    });
}

fn tell(job: &Job<'_>, manifest: &Manifest) {
    let id = manifest.id;
    let event = match &manifest.proof {
        Some(proof) if manifest.is_verified() => {
            let took = Duration::try_from_secs_f64(proof.took).unwrap_or_default();
            let text = format!("backup: `{id}` is VERIFIED: restored and compared in {}", seconds(took));
            Event::new("backup.verified", text).with("took", took)
        }
        _ => {
            let why = manifest.standing.why.clone().unwrap_or_default();
            let (name, level) = match manifest.standing.verdict {
                Verdict::Fail => ("backup.failed", Level::Error),
                _ => ("backup.unverified", Level::Warn),
            };
            Event::new(name, format!("backup: `{id}` {}: {why}", manifest.standing)).level(level).with("why", why)
        }
    };
    job.journal.note(event.with("id", id.to_string()).with("database", manifest.source.name.clone()));
}
