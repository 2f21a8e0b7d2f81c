//! PostgreSQL's own `pg_dump`: which one, with what, and what it said.

use super::{OURS, clean::clean};
use crate::{
    Job, MigrateError,
    child::{Running, ended},
    postgres::Engine,
};
use config::dsn::{Host, PostgresDsn};
use host::{
    Env,
    process::{Command, Exit, Limits, Output, Pipes, find_program},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Where Debian and its kin keep the programs of each major version.
const PACKAGED: &str = "/usr/lib/postgresql";
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
        env: environment(job, dsn, engine.host()),
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

/// The connection as libpq reads it (PostgreSQL manual, "Environment Variables"); nothing of it stands where other users of
/// the machine can read it. What else was set for libpq was heard when the settings were read.
fn environment(job: &Job<'_>, dsn: &PostgresDsn, host: &Host) -> Env {
    let mut env: Env =
        job.env.iter().filter(|(key, _)| !key.starts_with("PG")).map(|(k, v)| (k.clone(), v.clone())).collect();
    let (place, port) = match host {
        Host::Tcp(name, port) => (name.clone(), port),
        Host::Unix(dir, port) => (dir.display().to_string(), port),
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let settings = [
        ("PGHOST", Some(place)),
        ("PGPORT", Some(port.to_string())),
        ("PGUSER", Some(dsn.user.clone())),
        ("PGPASSWORD", dsn.password.as_ref().map(|password| password.reveal().to_owned())),
        ("PGDATABASE", Some(dsn.database.clone())),
        ("PGSSLMODE", Some(dsn.sslmode.to_string())),
        ("PGSSLROOTCERT", dsn.sslrootcert.clone()),
        ("PGSSLCERT", path(&dsn.sslcert)),
        ("PGSSLKEY", path(&dsn.sslkey)),
        ("PGCHANNELBINDING", Some(dsn.channel_binding.to_string())),
        ("PGOPTIONS", dsn.options.clone()),
        ("PGCONNECT_TIMEOUT", dsn.connect_timeout.map(|limit| limit.as_secs().max(1).to_string())),
        ("PGAPPNAME", Some(job.who.session_name())),
        ("LC_ALL", Some("C".to_owned())),
    ];
    env.extend(settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    env
}

/// The program that fits: that of the server's own version, because its dump loads into such a server, else the next newer one.
///
/// # Errors
/// [`MigrateError::NoPgDump`].
pub(super) async fn find(job: &Job<'_>, server: u32) -> Result<PathBuf, MigrateError> {
    let mut found = packaged();
    if !found.iter().any(|(major, _)| *major == server)
        && let Ok(program) = find_program("pg_dump", job.env, job.root)
        && let Some(major) = version(job, &program).await
    {
        found.push((major, program));
    }
    choose(found, server)
}

fn choose(mut found: Vec<(u32, PathBuf)>, server: u32) -> Result<PathBuf, MigrateError> {
    found.sort();
    let seen = || found.iter().map(|(major, path)| format!("`{}` is version {major}", path.display())).collect();
    let fitting = found.iter().find(|(major, _)| *major >= server);
    fitting.map(|(_, path)| path.clone()).ok_or_else(|| MigrateError::NoPgDump { server, seen: seen() })
}

fn packaged() -> Vec<(u32, PathBuf)> {
    let entries = host::fs::entries(Path::new(PACKAGED)).unwrap_or_default();
    let versions = entries.into_iter().filter_map(|entry| Some((entry.name.parse().ok()?, entry.name)));
    let programs = versions.map(|(major, name)| (major, Path::new(PACKAGED).join(name).join("bin/pg_dump")));
    programs.filter(|(_, path)| host::fs::metadata(path).is_ok()).collect()
}

/// The major version that the program says it has: `pg_dump (PostgreSQL) 15.18`.
async fn version(job: &Job<'_>, program: &Path) -> Option<u32> {
    let argv = vec![program.display().to_string(), "--version".to_owned()];
    let (cwd, env) = (job.root.to_owned(), job.env.clone());
    let (listeners, limits) = (Vec::new(), Limits::default());
    let command = Command { argv, cwd, env, listeners, output: Output::Piped, mark: None, limits };
    major(&run(job, &command).await.ok()?)
}

fn major(said: &str) -> Option<u32> {
    let number = said.split(')').nth(1)?.trim_start();
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Runs it to its end; answers with what it wrote.
async fn run(job: &Job<'_>, command: &Command) -> Result<String, MigrateError> {
    let broken = |error: io::Error| MigrateError::Spawn {
        program: command.argv.first().cloned().unwrap_or_default(),
        kind: error.kind(),
        message: error.to_string(),
    };
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

    /// An older one refuses the server, a newer one writes what the server may not understand: the same is best.
    #[test]
    fn the_version_of_the_server_is_best_and_a_newer_one_will_do() {
        let found = |majors: &[u32]| majors.iter().map(|major| (*major, PathBuf::from(major.to_string()))).collect();
        let chosen = |majors: &[u32], server| choose(found(majors), server).map(|path| path.display().to_string());
        assert_eq!(chosen(&[17, 15, 13], 15).unwrap(), "15");
        assert_eq!(chosen(&[18, 17, 13], 15).unwrap(), "17");
        let error = chosen(&[13, 14], 15).unwrap_err();
        assert_eq!(
            error.finding().to_string(),
            "error: the server is PostgreSQL 15, and no `pg_dump` of that version or a newer one is installed\n  \
             seen: `13` is version 13\n  seen: `14` is version 14\n  hint: install PostgreSQL's client programs of version 15 \
             (Debian: `apt-get install postgresql-client-15`), or put the directory of a fitting `pg_dump` into PATH"
        );
    }

    #[test]
    fn a_program_tells_its_version() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("pg_dump"), None);
    }
}
