//! Which files are looked at, with the database's help where it can be had.

use super::{
    Which,
    look::{File, Usage},
};
use crate::{
    BadFile, MigrateError, Migration, Problem,
    directory::{self, Directory, LARGEST},
    engine::Engine,
    job::{Job, Run},
    ledger::Where,
    script::{Script, normal},
    snapshot::{Snapshot, first_text},
    style::{
        Style,
        detect::{self, Files},
    },
};
use config::{MigrationSource, Target};
use host::fs::real_path;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// A database that has not let us in by then is done without.
const PATIENCE: Duration = Duration::from_secs(2);
/// And one that has not told by then what is applied.
const LONGEST: Duration = Duration::from_secs(10);

/// The files, and the database that told which, or why it did not.
pub(super) struct Chosen {
    pub(super) files: Vec<File>,
    pub(super) engine: Option<Engine>,
    /// Why there is none.
    pub(super) absent: String,
}

/// The same database, with less time to answer.
pub(super) fn hurried(target: &Target) -> Target {
    let mut target = target.clone();
    if let Target::Postgres(dsn) = &mut target {
        dsn.connect_timeout = Some(dsn.connect_timeout.unwrap_or(PATIENCE).min(PATIENCE));
    }
    target
}

/// The files that are meant.
///
/// # Errors
/// Why they cannot be read, or whose they are is in doubt.
pub(super) async fn chosen(run: &Run<'_>, which: &Which) -> Result<Chosen, MigrateError> {
    let (mut engine, mut absent) = match open(run).await {
        Ok(engine) => (Some(engine), String::new()),
        Err(why) => (None, why),
    };
    let MigrationSource::Directory(dir) = &run.job.migrations.source else {
        return Ok(Chosen { files: named_alone(run.job, which)?, engine, absent });
    };
    let mut snapshot = None;
    if let Some(open) = &mut engine {
        match seen(run, open, dir).await {
            Ok(seen) => snapshot = Some(seen),
            Err(Unseen::Database(why)) => (engine, absent) = (None, why),
            Err(Unseen::Files(error)) => return strangers(run.job, which, error, engine),
        }
    }
    let files = match &snapshot {
        Some(snapshot) => of_view(run.job, dir, snapshot, which),
        None => by_files(run.job, dir, which),
    };
    match files {
        Ok(files) => Ok(Chosen { files, engine, absent }),
        Err(error) => strangers(run.job, which, error, engine),
    }
}

/// Why nothing is known of what is applied.
enum Unseen {
    /// The database does not tell.
    Database(String),
    /// The files, or whose they are.
    Files(MigrateError),
}

async fn seen(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<Snapshot, Unseen> {
    match timeout(LONGEST, Snapshot::take(run, engine, dir)).await {
        Ok(Ok(snapshot)) => Ok(snapshot),
        Ok(Err(
            error @ (MigrateError::Refused(_)
            | MigrateError::Sql { .. }
            | MigrateError::Away { .. }
            | MigrateError::NoSchema { .. }),
        )) => Err(Unseen::Database(error.to_string())),
        Ok(Err(error)) => Err(Unseen::Files(error)),
        Err(_) => Err(Unseen::Database(silence(LONGEST))),
    }
}

/// Files that were named can be looked at beside others whose names make them no migrations.
fn strangers(
    job: &Job<'_>,
    which: &Which,
    error: MigrateError,
    engine: Option<Engine>,
) -> Result<Chosen, MigrateError> {
    let only_names = |bad: &[BadFile]| bad.iter().all(|it| it.problem == Problem::NoVersion);
    match (&error, which) {
        (MigrateError::BadFiles(bad), Which::Files(_)) if only_names(bad) => {
            let absent = "the directory holds more than migrations".to_owned();
            Ok(Chosen { files: named_alone(job, which)?, engine, absent })
        }
        _ => Err(error),
    }
}

async fn open(run: &Run<'_>) -> Result<Engine, String> {
    if !matches!(run.job.target, Target::Postgres(_)) {
        return Err("there is no PostgreSQL to ask".to_owned());
    }
    match timeout(PATIENCE, Engine::open(run)).await {
        Ok(Ok(engine)) => Ok(engine),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(silence(PATIENCE)),
    }
}

fn silence(limit: Duration) -> String {
    format!("no answer within {}", report::seconds(limit))
}

fn of_view(job: &Job<'_>, dir: &Path, snapshot: &Snapshot, which: &Which) -> Result<Vec<File>, MigrateError> {
    let standings = snapshot.standings();
    let pending = standings.iter().filter(|it| matches!(it.place, Where::Pending | Where::Late | Where::Again));
    let pending: Vec<_> = pending.filter_map(|it| it.file).collect();
    let is_pending = |migration: &Migration| pending.iter().any(|it| std::ptr::eq(*it, migration));
    of_directory(job, dir, &snapshot.directory, &*snapshot.style, which, is_pending)
}

/// No database tells what is applied: every file may be pending.
fn by_files(job: &Job<'_>, dir: &Path, which: &Which) -> Result<Vec<File>, MigrateError> {
    let names = directory::list(dir)?;
    let style = match job.migrations.style.as_deref() {
        Some(style) => detect::style(style)?,
        None => detect::by_files(&Files { names: &names, first: &first_text(dir, &names) })?,
    };
    let directory = directory::read(dir, job.root, &names, &*style, job.env)?;
    of_directory(job, dir, &directory, &*style, which, |_| true)
}

fn of_directory(
    job: &Job<'_>,
    dir: &Path,
    directory: &Directory,
    style: &dyn Style,
    which: &Which,
    is_pending: impl Fn(&Migration) -> bool,
) -> Result<Vec<File>, MigrateError> {
    let usage = Usage::of(style);
    let all = || directory.migrations.iter().chain(&directory.repeatables);
    let file = |migration: &Migration| File::of(migration, is_pending(migration), &usage);
    match which {
        Which::All => all().map(file).collect(),
        Which::Pending => all().filter(|it| is_pending(it)).map(file).collect(),
        Which::Files(paths) => paths
            .iter()
            .map(|path| match all().find(|it| same(&dir.join(&it.name), path)) {
                Some(migration) => file(migration),
                None => stranger(job, path),
            })
            .collect(),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    a == b || real_path(a) == real_path(b)
}

/// Without a directory only files that were named can be looked at.
fn named_alone(job: &Job<'_>, which: &Which) -> Result<Vec<File>, MigrateError> {
    let Which::Files(paths) = which else { return Ok(Vec::new()) };
    paths.iter().map(|path: &PathBuf| stranger(job, path)).collect()
}

/// A file that is no migration of the directory, or not yet.
fn stranger(job: &Job<'_>, path: &Path) -> Result<File, MigrateError> {
    let bytes = host::fs::read(path, LARGEST).map_err(|error| directory::unreadable(path, &error))?;
    let shown = path.strip_prefix(job.root).unwrap_or(path).display().to_string();
    let script = Script::whole(&normal(&String::from_utf8_lossy(&bytes)), shown);
    File::stranger(script)
}
