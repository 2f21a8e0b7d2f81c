//! PostgreSQL's own `pg_dump`: which one, with what, and what it said.

use super::{OURS, clean::clean};
use crate::{Job, MigrateError, postgres::Engine};
use config::dsn::PostgresDsn;
use database::postgres::{Programs, libpq};
use host::process::{Command, Exit, Limits, Output, Pipes, Running, ended};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A schema is never larger.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Of its complaints, so much is read.
const WORDS: u64 = 64 * 1024;
/// And so many lines are told.
const LINES: usize = 10;

/// What `pg_dump` says about the schema, cleaned. It sees what the transaction of `engine` sees.
pub(super) async fn schema(
    job: &Job<'_>,
    dsn: &PostgresDsn,
    engine: &mut Engine,
    flags: &[&str],
) -> Result<String, MigrateError> {
    let program = find(job, engine.major()).await?;
    let snapshot = engine.ask("take a snapshot", "SELECT pg_catalog.pg_export_snapshot()").await?;
    let snapshot = snapshot.into_iter().flatten().flatten().next().unwrap_or_default();
    let command = Command {
        argv: arguments(job, &program, &snapshot, flags),
        cwd: job.root.to_owned(),
        env: libpq(job.env, dsn, engine.host(), &job.who.session_name()),
        listeners: Vec::new(),
        output: Output::Piped,
        mark: None,
        limits: Limits::default(),
    };
    run(job, &command).await.map(|text| clean(&text))
}

fn arguments(job: &Job<'_>, program: &Path, snapshot: &str, flags: &[&str]) -> Vec<String> {
    let fixed = ["--schema-only", "--no-owner", "--no-privileges", "--encoding=UTF8", "--no-password"];
    let mut arguments = vec![program.display().to_string()];
    arguments.extend(fixed.iter().chain(flags).map(|&flag| flag.to_owned()));
    arguments.push(format!("--lock-wait-timeout={}", job.migrations.lock_timeout.as_millis()));
    arguments.push(format!("--snapshot={snapshot}"));
    arguments.extend(OURS.iter().map(|table| format!("--exclude-table=*.{table}")));
    arguments
}

/// The program that fits: that of the server's own version, because its dump loads into such a server, else the next newer one.
///
/// # Errors
/// [`MigrateError::NoPgDump`].
pub(super) async fn find(job: &Job<'_>, server: u32) -> Result<PathBuf, MigrateError> {
    let programs = Programs { only: None, env: job.env, root: job.root, spawner: job.spawner };
    let found = programs.find("pg_dump", server).await;
    found.map(|program| program.path).map_err(|seen| MigrateError::NoPgDump { server, seen })
}

/// Runs it to its end; answers with what it wrote.
async fn run(job: &Job<'_>, command: &Command) -> Result<String, MigrateError> {
    let broken = |error: io::Error| MigrateError::spawn(&command.argv, &error);
    let mut running = Running::start(job.spawner, command).map_err(broken)?;
    let (text, words) = match running.take_output() {
        Some(Pipes { stdout, stderr }) => tokio::join!(read(stdout, LARGEST), read(stderr, WORDS)),
        None => (Ok(Vec::new()), Ok(Vec::new())),
    };
    let exit = running.wait().await.map_err(broken)?;
    if exit != Exit::Code(0) {
        return Err(failed(&ended(exit), &words.unwrap_or_default()));
    }
    String::from_utf8(text.map_err(broken)?).map_err(|_| failed("wrote something that is not UTF-8", &[]))
}

/// All of an output; what is too much ends the program by a broken pipe.
async fn read(from: Box<dyn AsyncRead + Send + Unpin>, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit).read_to_end(&mut bytes).await.map(|_| bytes)
}

fn failed(exit: &str, words: &[u8]) -> MigrateError {
    let words = String::from_utf8_lossy(words);
    let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(LINES)..].iter().map(|&line| line.to_owned()).collect();
    MigrateError::PgDump { exit: exit.to_owned(), tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_was_seen() {
        let error =
            MigrateError::NoPgDump { server: 15, seen: vec!["`13` is version 13".into(), "`14` is version 14".into()] };
        assert_eq!(
            error.finding().to_string(),
            "error: the server is PostgreSQL 15, and no `pg_dump` of that version or a newer one is installed\n  \
             seen: `13` is version 13\n  seen: `14` is version 14\n  hint: install PostgreSQL's client programs of version 15 \
             (Debian: `apt-get install postgresql-client-15`), or put the directory of a fitting `pg_dump` into PATH"
        );
    }
}
