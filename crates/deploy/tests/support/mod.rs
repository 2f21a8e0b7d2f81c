//! Real repositories for tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test file uses its own part")]
#![expect(clippy::disallowed_methods, reason = "tests play the people who commit and push")]

use config::{BuildStep, Deploy};
use deploy::{Record, ReleaseId, Site, git::Git};
use host::{Env, process::SystemSpawner};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// A directory with a repository to work in, and a site.
pub struct Place {
    dir: TempDir,
    pub env: Env,
    pub spawner: SystemSpawner,
}

impl Place {
    /// Call it on a runtime.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir_all(&home).unwrap();
        let mut env: Env = host::env::read();
        env.retain(|name, _| !name.starts_with("GIT_"));
        env.extend([
            ("HOME".to_owned(), home.display().to_string()),
            ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned()),
            ("GIT_AUTHOR_NAME".to_owned(), "Ada".to_owned()),
            ("GIT_AUTHOR_EMAIL".to_owned(), "ada@shop.example".to_owned()),
            ("GIT_COMMITTER_NAME".to_owned(), "Ada".to_owned()),
            ("GIT_COMMITTER_EMAIL".to_owned(), "ada@shop.example".to_owned()),
        ]);
        let place = Self { dir, env, spawner: SystemSpawner::new().unwrap() };
        place.git(place.path(""), &["init", "-q", "-b", "main", "work"]);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    pub fn site(&self) -> Site {
        Site::below(&self.path("data"))
    }

    pub fn our_git(&self) -> Git<'_> {
        Git::new(&self.spawner, &self.env)
    }

    /// What people do; it must succeed.
    pub fn git(&self, dir: PathBuf, arguments: &[&str]) -> String {
        let output = Command::new("git").args(arguments).current_dir(dir).env_clear().envs(&self.env).output();
        let output = output.expect("git must be installed: apt-get install git");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits a file in `work`, and answers with the commit.
    pub fn commit(&self, file: &str, text: &str, subject: &str) -> String {
        self.write(file, text);
        self.git(self.work(), &["add", "-A"]);
        self.git(self.work(), &["commit", "-q", "--allow-empty", "-m", subject]);
        self.git(self.work(), &["rev-parse", "HEAD"])
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.work().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A release with an empty tree.
    pub fn release(&self, number: i64) -> Record {
        let record = Record::new(id(number), "main", "ada", "mainstay.toml");
        deploy::store::write(&self.site(), &record).unwrap();
        fs::create_dir_all(self.site().tree(record.id)).unwrap();
        record
    }
}

pub fn id(number: i64) -> ReleaseId {
    let random = ReleaseId::new(Timestamp::from_millisecond(number).unwrap()).to_string();
    format!("{}0000000000000000", &random[..10]).parse().unwrap()
}

pub fn step(words: &[&str]) -> BuildStep {
    let argv = words.iter().map(|word| (*word).to_owned()).collect();
    BuildStep { argv, dir: PathBuf::new(), env: BTreeMap::new(), timeout: Duration::from_secs(30) }
}

pub fn sh(script: &str) -> BuildStep {
    step(&["sh", "-c", script])
}

pub fn building(steps: Vec<BuildStep>) -> Deploy {
    Deploy { build: steps, ..Deploy::default() }
}

pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
