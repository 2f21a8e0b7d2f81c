//! Taking a copy: `pg_dump` and our own look share a snapshot.

use super::{
    FILE, GLOBALS,
    content::{self, Table},
    parallel,
    program::{self, Pieces, argv, command, find},
    rows::Form,
    talk::{Talk, is_code},
};
use crate::{
    BackupError, Doing, Job, Manifest, Progress,
    content::Content,
    following::Growth,
    manifest::Part,
    seal::{self, Sealing},
};
use config::dsn::PostgresDsn;
use database::postgres::Program;
use report::{Check, Verdict};
use retry::{Backoff, Deadline};
use std::{
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};
use tokio::time::sleep;

/// What an archive of `pg_dump -Fc` begins with.
const MAGIC: &[u8] = b"PGDMP";
/// Roles and settings are never larger.
const LARGEST_GLOBALS: u64 = 64 << 20;
/// A table that somebody drops between two looks makes us look again.
const TRIES: u32 = 8;
/// Before that, a little longer each time.
const PAUSE: Duration = Duration::from_millis(250);
/// So long it is begun anew when somebody stands between our locks and those of `pg_dump`. Chance decides who comes first, so it is
/// time that counts, and not how often it went wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// Before each of these. Their length is left to chance, or they could keep step with somebody who comes at regular times.
const PAUSES: Backoff =
    Backoff { initial: Duration::from_millis(100), factor: 1.5, max: Duration::from_secs(2), jitter: 0.5 };
/// As long as `pg_dump` waits for a lock, whoever stands before it waits for us, and all who want his table wait for him. So it is short
/// at first; longer then, for there may be very many tables to lock.
const LOCK_WAIT: Duration = Duration::from_secs(1);
const LONGEST_LOCK_WAIT: Duration = Duration::from_secs(3);
/// Said when that was not long enough.
const STARVED: &str = "others lock tables (ALTER TABLE, TRUNCATE, LOCK TABLE) again and again before `pg_dump` can, so they cannot be copied exactly";
/// undefined_table, undefined_schema, object_not_in_prerequisite_state
const VANISHED: [&str; 3] = ["42P01", "3F000", "XX000"];

/// The files of a copy of the database, in `dir`, and what was in it at that instant.
pub(crate) async fn take(
    job: &Job<'_>,
    dsn: &PostgresDsn,
    dir: &Path,
    manifest: &mut Manifest,
    growth: &Growth,
) -> Result<(), BackupError> {
    let talk = Talk::open(job, dsn).await?;
    let program = find(job, "pg_dump", talk.major()).await?;
    // What belongs to the whole server is in no snapshot of a database.
    let to = To { dir, growth, jobs: parallel::jobs(job, manifest.source.bytes) };
    let ((dumped, content), globals) =
        tokio::try_join!(exactly(job, dsn, &talk, &program, &to), async { Ok(globals(job, dsn, &talk, dir).await) })?;
    manifest.content = content;
    manifest.files = dumped;
    manifest.tools.insert("pg_dump".to_owned(), program.major.to_string());
    match globals {
        Ok(part) => manifest.files.push(part),
        Err(error) => manifest.checks.push(Check {
            subject: "globals".to_owned(),
            verdict: Verdict::CouldNotVerify,
            seen: format!("roles and their settings are not beside the copy: {}", error.finding()),
            hint: None,
        }),
    }
    talk.close().await;
    Ok(())
}

/// Where the copy is written.
struct To<'a> {
    dir: &'a Path,
    /// Somebody may read along.
    growth: &'a Growth,
    /// So many write at once.
    jobs: Option<u32>,
}

/// What `pg_dump` wrote, and what was there at that instant.
///
/// Whoever comes to change the form of a table just between our lock and that of `pg_dump` stands between the two: `pg_dump` would
/// wait for him, and he for us. Then he goes first, and all begins anew. `pg_dump` alone would wait its turn and go on with the older
/// snapshot, in which a table that was rewritten meanwhile is empty.
async fn exactly(
    job: &Job<'_>,
    dsn: &PostgresDsn,
    talk: &Talk,
    program: &Program,
    to: &To<'_>,
) -> Result<(Vec<Part>, Content), BackupError> {
    let (mut limit, mut pauses, mut tried, mut jobs) = (Deadline::after(PATIENCE), PAUSES.waits(), 1, to.jobs);
    loop {
        let (snapshot, tables) = begin(talk).await?;
        let of = Of { dsn, talk, snapshot: &snapshot, lock_wait: LONGEST_LOCK_WAIT.min(LOCK_WAIT * tried) };
        // Before `pg_dump` does, for it may only be further there.
        let sequences = content::sequences(talk).await?;
        // The server sits beside: both go on at once.
        let taken = tokio::try_join!(
            dump_by(job, &of, program, to, jobs),
            content::content(talk, &tables, Form::best(talk.major()), sequences, |_| ())
        );
        talk.run("end the look at the database", "ROLLBACK").await?;
        match taken {
            // Who waits for a table makes several give up for as long as they dump; one has its lock by then.
            Err(error) if jobs.is_some() && stood_between(&error) => {
                parallel::give_up(to.dir)?;
                (jobs, limit) = (None, Deadline::after(PATIENCE));
            }
            Err(error) if stood_between(&error) && limit.passed() => return Err(BackupError::Unfit(STARVED.into())),
            Err(error) if stood_between(&error) => {
                // There may be none yet.
                let _ = host::fs::remove(&to.dir.join(FILE));
                sleep(pauses.next_wait()).await;
                tried += 1;
            }
            taken => return taken,
        }
    }
}

fn stood_between(error: &BackupError) -> bool {
    let says = |line: &String| line.contains("LOCK TABLE") || line.contains("could not obtain lock");
    matches!(error, BackupError::Program { tail, .. } if tail.iter().any(says))
}

/// From now on every question is answered from one snapshot, and nobody changes the form of the tables. They are locked first: one
/// that is rewritten after the snapshot was taken would look empty in it (PostgreSQL manual, "Caveats" of MVCC).
async fn begin(talk: &Talk) -> Result<(String, Vec<Table>), BackupError> {
    let mut tried = 1;
    loop {
        let wanted = content::tables(talk).await?;
        talk.run("begin to look at the database", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        match content::lock(talk, &wanted).await {
            Ok(()) => {
                let snapshot = talk.text("take a snapshot", "SELECT pg_catalog.pg_export_snapshot()").await?;
                if content::tables(talk).await? == wanted {
                    return Ok((snapshot, wanted));
                }
            }
            Err(error) if is_code(&error, &VANISHED) => {}
            Err(error) => return Err(error),
        }
        talk.run("look again", "ROLLBACK").await?;
        if tried == TRIES {
            return Err(BackupError::Unfit("tables come and go all the time, so they cannot be copied exactly".into()));
        }
        sleep(PAUSE * tried).await;
        tried += 1;
    }
}

/// What `pg_dump` is to look at.
pub(super) struct Of<'a> {
    pub(super) dsn: &'a PostgresDsn,
    pub(super) talk: &'a Talk,
    snapshot: &'a str,
    /// It gives up when it has waited so long for its locks.
    lock_wait: Duration,
}

impl Of<'_> {
    pub(super) fn flags(&self) -> [String; 3] {
        let snapshot = format!("--snapshot={}", self.snapshot);
        let lock_wait = format!("--lock-wait-timeout={}", self.lock_wait.as_millis());
        ["--no-password".to_owned(), lock_wait, snapshot]
    }
}

/// By one process, or by several.
async fn dump_by(
    job: &Job<'_>,
    of: &Of<'_>,
    program: &Program,
    to: &To<'_>,
    jobs: Option<u32>,
) -> Result<Vec<Part>, BackupError> {
    match jobs {
        Some(jobs) => parallel::dump(job, of, program, to.dir, jobs).await,
        None => dump(job, of, program, to.dir, to.growth).await.map(|part| vec![part]),
    }
}

async fn dump(job: &Job<'_>, of: &Of<'_>, program: &Program, dir: &Path, growth: &Growth) -> Result<Part, BackupError> {
    let common = of.flags();
    let flags = ["--format=custom", "--compress=0"].into_iter().chain(common.iter().map(String::as_str));
    let command = command(job, argv(&program.path, flags), Some((of.dsn, &of.talk.0.host)));
    let (dir, keys, growth, progress) = (dir.to_owned(), job.keys.clone(), growth.clone(), job.progress.clone());
    program::run(job, &command, move |pieces| {
        let sealing = Sealing::begin(&dir, FILE, &keys, &growth)?;
        seal_all(pieces, sealing, &progress)
    })
    .await
}

fn seal_all(mut pieces: Pieces, mut sealing: Sealing, progress: &Progress) -> io::Result<Part> {
    let mut magic = Vec::new();
    pieces.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    if magic != MAGIC {
        // Its status tells more, when it has failed.
        let what = if magic.is_empty() { "wrote nothing" } else { "wrote something that is no archive" };
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    sealing.write_all(&magic)?;
    let mut piece = vec![0; 256 * 1024];
    loop {
        match pieces.read(&mut piece)? {
            0 => return sealing.end(),
            some => {
                sealing.write_all(&piece[..some])?;
                progress.add(Doing::Copying, some as u64);
            }
        }
    }
}

/// Roles with their passwords where we may see them, else without.
async fn globals(job: &Job<'_>, dsn: &PostgresDsn, talk: &Talk, dir: &Path) -> Result<Part, BackupError> {
    let program = find(job, "pg_dumpall", talk.major()).await?;
    let database = format!("--database={}", dsn.database);
    let text = async |more: &[&str]| {
        let flags = ["--globals-only", "--no-password", &database].into_iter().chain(more.iter().copied());
        let command = command(job, argv(&program.path, flags), Some((dsn, &talk.0.host)));
        program::run(job, &command, |pieces| {
            let mut text = Vec::new();
            pieces.take(LARGEST_GLOBALS).read_to_end(&mut text).map(|_| text)
        })
        .await
    };
    let text = match text(&[]).await {
        Ok(text) => text,
        Err(_) => text(&["--no-role-passwords"]).await?,
    };
    seal::plain(dir, GLOBALS, &text, job.keys).map_err(|error| BackupError::files("the copy cannot be written", error))
}
