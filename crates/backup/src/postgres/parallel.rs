//! A large database: several processes of `pg_dump` read it at once, and several of `pg_restore` fill it, by the directory format
//! (pg_dump(1), `--format=directory`). Its files are those of the copy, so `pg_restore` reads a copy where it lies; encrypted ones have to be
//! decrypted first.

use super::{
    dump::Of,
    load::{pg_restore, wrote},
    program::{argv, command, run_silent, stalled},
    talk::Talk,
};
use crate::{BackupError, Doing, Job, Keys, Manifest, manifest::Part, passing::Passing, seal, sqlite::blocking};
use config::dsn::PostgresDsn;
use database::postgres::Program;
use host::fs;
use std::{
    future::pending,
    io,
    path::{Path, PathBuf},
};

/// Where `pg_dump` writes: it wants a directory of its own, and the names that its files get are not all ours to choose.
const WRITTEN: &str = "dump";
/// Since this version `pg_dump` can be built with zstd.
const ZSTD: u32 = 16;
/// What all can, a little quicker than they would by themselves.
const GZIP: &str = "4";
/// It was built without.
const UNABLE: &str = "does not support compression";

/// How many processes a database is dumped and restored by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallel {
    /// When it is as large as this, in bytes.
    pub above: u64,
    /// So many; one for none of that.
    pub jobs: u32,
}

/// So many, for a database of this size; nothing where one does it.
pub(crate) fn jobs(job: &Job<'_>, bytes: u64) -> Option<u32> {
    let Parallel { above, jobs } = job.parallel;
    (bytes >= above && jobs > 1).then_some(jobs)
}

/// The files of the copy, in `dir`.
pub(super) async fn dump(
    job: &Job<'_>,
    of: &Of<'_>,
    program: &Program,
    dir: &Path,
    jobs: u32,
) -> Result<Vec<Part>, BackupError> {
    let written = dir.join(WRITTEN);
    let best = if program.major >= ZSTD { "zstd:3" } else { GZIP };
    match run(job, of, program, &written, jobs, best).await {
        Err(BackupError::Program { tail, .. }) if tail.iter().any(|line| line.contains(UNABLE)) => {
            give_up(dir)?;
            run(job, of, program, &written, jobs, GZIP).await?;
        }
        done => done?,
    }
    let (dir, keys) = (dir.to_owned(), job.keys.clone());
    blocking(move |_| take_in(&written, &dir, &keys).map_err(unwritable)).await
}

/// What was begun goes.
pub(super) fn give_up(dir: &Path) -> Result<(), BackupError> {
    fs::remove_tree(&dir.join(WRITTEN)).map_err(unwritable)
}

fn unwritable(error: io::Error) -> BackupError {
    BackupError::files("the copy cannot be written", error)
}

/// `compress`: how each file is.
async fn run(
    job: &Job<'_>,
    of: &Of<'_>,
    program: &Program,
    written: &Path,
    jobs: u32,
    compress: &str,
) -> Result<(), BackupError> {
    let own = ["--format=directory".to_owned(), format!("--jobs={jobs}"), format!("--compress={compress}")];
    let flags: Vec<_> = own.into_iter().chain(of.flags()).chain([format!("--file={}", written.display())]).collect();
    let command = command(job, argv(&program.path, flags.iter().map(String::as_str)), Some((of.dsn, &of.talk.0.host)));
    run_silent(job, &command, stalled(job, Doing::Copying, || fs::bytes_below(written))).await
}

/// Files of the copy they become, with their checksums.
fn take_in(written: &Path, dir: &Path, keys: &Keys) -> io::Result<Vec<Part>> {
    let mut files = fs::list(written)?;
    files.sort();
    let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parts = files.iter().map(|file| seal::take_in(dir, &name(file), file, keys)).collect();
    fs::remove_tree(written)?;
    parts
}

/// Fills the empty database of `talk` with the copy.
pub(super) async fn fill(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    talk: &Talk,
) -> Result<(), BackupError> {
    let opened = opened(job, copy, manifest).await?;
    let from = opened.as_ref().map_or(copy, Passing::path).display().to_string();
    let jobs = format!("--jobs={}", job.parallel.jobs);
    let command = pg_restore(job, wrote(manifest), dsn, talk, &["--format=directory", &jobs], &from).await?;
    job.progress.begin_anew(Doing::Restoring, None);
    // It writes nothing here, so nothing tells that it has hung: an index may take long.
    run_silent(job, &command, pending()).await
}

/// Its files without their encryption; nothing where there is none. Not beside it: there nobody shall read them.
async fn opened(job: &Job<'_>, copy: &Path, manifest: &Manifest) -> Result<Option<Passing>, BackupError> {
    if manifest.recipients.is_empty() {
        return Ok(None);
    }
    let unable = |error| BackupError::files("the copy cannot be decrypted for a while", error);
    let opened = Passing::for_opened(job.ground)?;
    let (from, to) = (copy.to_owned(), opened.path().to_owned());
    let (parts, keys) = (manifest.files.clone(), job.keys.clone());
    blocking(move |_| {
        let each = |part: &Part| seal::decrypt(&from, part, &keys, &to.join(part.plain_name()));
        parts.iter().try_for_each(each).map_err(unable)
    })
    .await?;
    Ok(Some(opened))
}
