//! PostgreSQL's own programs: which one fits a server, and how it is told where the server is.

use config::dsn::{Host, PostgresDsn};
use host::{
    Env,
    process::{Command, Exit, Limits, Output, Running, Spawner, find_program},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::io::AsyncReadExt;

/// Where Debian and its kin keep the programs of each major version.
const PACKAGED: &str = "/usr/lib/postgresql";
/// A version is shorter.
const WORDS: u64 = 4096;

/// Where to look for programs.
#[derive(Clone, Copy)]
pub struct Programs<'a> {
    /// The only directory to look into, where somebody has named one.
    pub only: Option<&'a Path>,
    /// Its `PATH` counts.
    pub env: &'a Env,
    /// Where they run.
    pub root: &'a Path,
    /// Starts them.
    pub spawner: &'a dyn Spawner,
}

/// A program and its major version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// 15.
    pub major: u32,
    /// Where it is.
    pub path: PathBuf,
}

impl Programs<'_> {
    /// The one called `name` that fits best: that of the server's own version, because what it writes is read by such a server,
    /// else the next newer one.
    ///
    /// # Errors
    /// None fits: those that were seen.
    pub async fn find(&self, name: &str, server: u32) -> Result<Program, Vec<String>> {
        let found = self.all(name, server).await;
        choose(found, server)
    }

    /// Those called `name`; the `PATH` is looked into only when no package has the version of the server.
    async fn all(&self, name: &str, server: u32) -> Vec<Program> {
        if let Some(dir) = self.only {
            return self.program(dir.join(name)).await.into_iter().collect();
        }
        let mut found = packaged(name);
        if !found.iter().any(|program| program.major == server)
            && let Ok(path) = find_program(name, self.env, self.root)
        {
            found.extend(self.program(path).await);
        }
        found
    }

    async fn program(&self, path: PathBuf) -> Option<Program> {
        let argv = vec![path.display().to_string(), "--version".to_owned()];
        let (cwd, env) = (self.root.to_owned(), self.env.clone());
        let command = Command {
            argv,
            cwd,
            env,
            listeners: Vec::new(),
            output: Output::Piped,
            mark: None,
            limits: Limits::default(),
        };
        let said = said(self.spawner, &command).await.ok()?;
        Some(Program { major: major(&said)?, path })
    }
}

fn choose(mut found: Vec<Program>, server: u32) -> Result<Program, Vec<String>> {
    found.sort();
    let seen = |it: &Program| format!("`{}` is version {}", it.path.display(), it.major);
    let fitting = found.iter().find(|program| program.major >= server).cloned();
    fitting.ok_or_else(|| found.iter().map(seen).collect())
}

fn packaged(name: &str) -> Vec<Program> {
    let entries = host::fs::entries(Path::new(PACKAGED)).unwrap_or_default();
    let versions = entries.into_iter().filter_map(|entry| Some((entry.name.parse().ok()?, entry.name)));
    let programs =
        versions.map(|(major, dir)| Program { major, path: Path::new(PACKAGED).join(dir).join("bin").join(name) });
    programs.filter(|program| host::fs::metadata(&program.path).is_ok()).collect()
}

async fn said(spawner: &dyn Spawner, command: &Command) -> io::Result<String> {
    let mut running = Running::start(spawner, command)?;
    let mut text = String::new();
    if let Some(pipes) = running.take_output() {
        pipes.stdout.take(WORDS).read_to_string(&mut text).await?;
    }
    match running.wait().await? {
        Exit::Code(0) => Ok(text),
        exit => Err(io::Error::other(host::process::ended(exit))),
    }
}

/// The major version that a program says it has: `pg_dump (PostgreSQL) 15.18`.
fn major(said: &str) -> Option<u32> {
    let number = said.split(')').nth(1)?.trim_start();
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The connection as libpq reads it (PostgreSQL manual, "Environment Variables"), in place of what else was set there; nothing of it
/// stands where other users of the machine can read it.
pub fn libpq(env: &Env, dsn: &PostgresDsn, host: &Host, name: &str) -> Env {
    let mut env: Env =
        env.iter().filter(|(key, _)| !key.starts_with("PG")).map(|(k, v)| (k.clone(), v.clone())).collect();
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
        ("PGAPPNAME", Some(name.to_owned())),
        ("LC_ALL", Some("C".to_owned())),
    ];
    env.extend(settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An older one refuses the server, a newer one writes what the server may not understand: the same is best.
    #[test]
    fn the_version_of_the_server_is_best_and_a_newer_one_will_do() {
        let found = |majors: &[u32]| {
            majors.iter().map(|major| Program { major: *major, path: PathBuf::from(major.to_string()) }).collect()
        };
        let chosen = |majors: &[u32], server| choose(found(majors), server).map(|program| program.major);
        assert_eq!(chosen(&[17, 15, 13], 15), Ok(15));
        assert_eq!(chosen(&[18, 17, 13], 15), Ok(17));
        assert_eq!(chosen(&[13, 14], 15), Err(vec!["`13` is version 13".to_owned(), "`14` is version 14".to_owned()]));
    }

    #[test]
    fn a_program_tells_its_version() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("pg_dump"), None);
    }
}
