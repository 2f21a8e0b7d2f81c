//! An external command (`alembic upgrade head`) under our lock: the same one that our own runner takes on PostgreSQL, a lock
//! file beside the database on SQLite.

pub(crate) mod heads;
mod judge;
mod lock_file;
mod output;

use crate::{
    MigrateError,
    job::Run,
    lock,
    postgres::{self, Guard, Keys},
};
use config::{Access, MigrationSource, Target, dsn::PostgresDsn};
use database::Refusal;
use host::process::{Command, Exit, Output, Running, ended};
use judge::Judgement;
use output::Tail;
use report::Event;
use retry::Transience;
use std::{
    path::Path,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// How long the database may take to say how it is, after the command failed.
const ASK: Duration = Duration::from_secs(5);
/// The lock is looked at this often while the command runs.
const LOOK_AT_LOCK: Duration = Duration::from_secs(5);
/// A descendant that lives on may hold the output open; its lines are waited for no longer than this.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// One attempt.
pub(crate) async fn up(run: &Run<'_>) -> Result<(), MigrateError> {
    let MigrationSource::Command(argv) = &run.job.migrations.source else { return Ok(()) };
    match run.job.target {
        Target::Postgres(dsn) => on_postgres(run, dsn, argv).await,
        Target::Sqlite(path) => on_sqlite(run, path, argv).await,
        other => Err(MigrateError::WrongTarget { kind: other.kind() }),
    }
}

async fn on_postgres(run: &Run<'_>, dsn: &PostgresDsn, argv: &[String]) -> Result<(), MigrateError> {
    let place = postgres::place(run.job, dsn).await?;
    postgres::must_be_writable(&place)?;
    // Past a pooler, which keeps no lock, where the way is known; else the lease has to do.
    let dsn = if let Some(Target::Postgres(direct)) = &run.job.migrations.direct { direct } else { dsn };
    let keys = Keys { ours: lock::key(&place.database, &place.schema), theirs: &[], schema: &place.schema };
    let guard = Guard::hold(run, dsn, &keys).await?;
    let result = tokio::select! {
        result = perform(run, argv) => result,
        () = lost(&guard) => Err(MigrateError::LockLost),
    };
    guard.release(run.job).await;
    result
}

/// Resolves when the lock is not ours any more: whoever has it now may run the same command.
async fn lost(guard: &Guard) {
    while guard.check().await.is_ok() {
        sleep(LOOK_AT_LOCK).await;
    }
}

async fn on_sqlite(run: &Run<'_>, path: &Path, argv: &[String]) -> Result<(), MigrateError> {
    let _lock = lock_file::take(run, path).await?;
    perform(run, argv).await
}

async fn perform(run: &Run<'_>, argv: &[String]) -> Result<(), MigrateError> {
    let command = command_line(argv);
    run.job
        .journal
        .note(Event::new("migrate.command", format!("running `{command}`")).with("command", command.as_str()));
    let before = heads::look(run).await;
    let (exit, tail) = execute(run, argv).await?;
    let after = heads::look(run).await;
    run.moved(heads::tell(run, argv, &before, &after));
    if exit == Exit::Code(0) {
        return Ok(());
    }
    let judgement = judge::judge(exit, &tail, run.is_first_unexplained(), || ask(run.job.target)).await;
    if judgement.unexplained {
        run.unexplained();
    }
    Err(failed(command, exit, tail, judgement))
}

/// The command in one short line, scripts shortened.
fn command_line(argv: &[String]) -> String {
    const LONGEST: usize = 80;
    let words = argv.iter().flat_map(|arg| arg.split_whitespace()).collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn failed(command: String, exit: Exit, tail: Vec<String>, judgement: Judgement) -> MigrateError {
    let transience = if judgement.again { Transience::Transient } else { Transience::Permanent };
    MigrateError::Command { command, exit: ended(exit), why: judgement.why, tail, transience }
}

/// Runs it to its end; its lines go out as they come.
async fn execute(run: &Run<'_>, argv: &[String]) -> Result<(Exit, Vec<String>), MigrateError> {
    let job = run.job;
    let unstartable = |error: std::io::Error| MigrateError::spawn(argv, &error);
    let command = Command {
        argv: argv.to_vec(),
        cwd: job.root.to_owned(),
        env: job.env.clone(),
        listeners: Vec::new(),
        output: Output::Piped,
        mark: None,
        limits: host::process::Limits::default(),
    };
    let mut running = Running::start(job.spawner, &command).map_err(unstartable)?;
    let (pipes, tail) = (running.take_output(), Mutex::<Tail>::default());
    let exit = {
        let mut reading = pin!(output::read(pipes, job.lines, &tail));
        tokio::select! {
            exit = running.wait() => {
                let _ = timeout(STRAGGLERS, reading).await;
                exit
            }
            () = &mut reading => running.wait().await,
        }
    };
    Ok((exit.map_err(unstartable)?, tail.into_inner().unwrap_or_else(PoisonError::into_inner).into_lines()))
}

/// Is the database ready, right after the failure?
async fn ask(target: &Target) -> Option<Refusal> {
    match target {
        Target::Postgres(dsn) => database::postgres::ask(dsn, Access::ReadWrite, ASK).await.err(),
        // A file does not come and go; the command's own words are better than a second look.
        _ => None,
    }
}
