//! A job with everything around it, in a directory of its own.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod base;
pub mod peer;

use config::{
    MigrationPolicies, MigrationSource, Migrations, OnFailure, Target,
    dsn::{PostgresDsn, Surroundings, encode, postgres::parse},
};
use host::{
    Env,
    process::{Child, Command, Spawner},
};
use migrate::{Identity, Job, MigrateError, Report};
use report::Recorder;
use retry::{Backoff, Policy};
use std::{future::Future, io, time::Duration};
use testkit::TempDir;

pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Bench {
    pub dir: TempDir,
    pub migrations: Migrations,
    pub target: Target,
    pub env: Env,
    pub recorder: Recorder,
    pub who: Identity,
    pub spawner: Box<dyn Spawner>,
}

/// Fails a test that calls the external command where there is none.
struct Nobody;

impl Spawner for Nobody {
    fn spawn(&self, _: &Command) -> io::Result<Box<dyn Child>> {
        Err(io::Error::other("nothing should be started here"))
    }
}

impl Bench {
    /// Three attempts, 50 ms apart.
    pub fn new(target: Target) -> Self {
        let dir = TempDir::new();
        std::fs::create_dir(dir.path().join("migrations")).unwrap();
        let migrations = Migrations {
            database: "main".into(),
            source: MigrationSource::Directory(dir.path().join("migrations")),
            policy: Policy { backoff: Backoff::fixed(Duration::from_millis(50)), attempts: Some(3), limit: None },
            lock_timeout: Duration::from_secs(30),
            on_failure: OnFailure::Stop,
            style: None,
            table: None,
            seeds: None,
            policies: MigrationPolicies::default(),
            direct: None,
            statement_timeout: None,
            lock_budget: Duration::from_secs(60),
            lint_exclude: Vec::new(),
            lint_include: Vec::new(),
        };
        let who = Identity { app: "booking".into(), host: "here".into(), pid: 1, release: None };
        let spawner = Box::new(Nobody);
        Self { dir, migrations, target, env: Env::new(), recorder: Recorder::default(), who, spawner }
    }

    pub fn command(target: Target, argv: &[&str]) -> Self {
        let mut bench = Self::new(target);
        bench.migrations.source = MigrationSource::Command(argv.iter().map(|&arg| arg.to_owned()).collect());
        bench.spawner = Box::new(host::process::SystemSpawner::new().unwrap());
        bench.env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        bench
    }

    pub fn file(&self, name: &str, text: &str) -> &Self {
        self.dir.write(&format!("migrations/{name}"), text);
        self
    }

    pub fn job(&self) -> Job<'_> {
        Job {
            migrations: &self.migrations,
            target: &self.target,
            root: self.dir.path(),
            env: &self.env,
            spawner: &*self.spawner,
            journal: &self.recorder,
            lines: &self.recorder,
            who: &self.who,
        }
    }

    pub async fn up(&self) -> Result<Report, MigrateError> {
        within(migrate::up(&self.job(), &migrate::Goal::All)).await
    }

    /// Applies what is pending; answers with the names of its files.
    pub async fn applied(&self) -> Vec<String> {
        let report = self.up().await.unwrap();
        names(&report).into_iter().map(str::to_owned).collect()
    }

    /// Undoes the newest; answers with the name of its file.
    pub async fn undone(&self) -> Vec<String> {
        let report = within(migrate::down(&self.job(), &migrate::Back::Steps(1))).await.unwrap();
        names(&report).into_iter().map(str::to_owned).collect()
    }

    pub fn texts(&self) -> Vec<String> {
        self.recorder.texts()
    }

    /// The names of the events, without repetitions in a row.
    pub fn course(&self) -> Vec<&'static str> {
        let mut names = self.recorder.names();
        names.dedup();
        names
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("took too long")
}

/// Waits for something that a blocking question tells, without holding up the runtime.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not after {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn names(report: &Report) -> Vec<&str> {
    report.applied.iter().map(|applied| applied.name.as_str()).collect()
}

pub fn dsn(port: u16, database: &str) -> PostgresDsn {
    let url = format!("postgres://postgres@127.0.0.1:{port}/{}?sslmode=disable", encode(database));
    parse(&url, &Surroundings::default()).unwrap()
}

pub fn postgres(port: u16, database: &str) -> Target {
    Target::Postgres(dsn(port, database))
}
