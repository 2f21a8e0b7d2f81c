//! What is to be measured.
use crate::task::Failure;

use super::{backup, supervise};

const ONLY: &str = "--only=";

const FLAGS: [&str; 3] = ["--quick", "--peers", "--no-build"];

const USAGE: &str = "\
usage: cargo xtask bench [gate|start|restart|idle|supervise|migrate|release|backup|all]... [--quick] [--peers] [--no-build] [--only=PART]

  gate     the server accepts -> the command runs; lines in the server's log and CPU while waiting
  start    `up` with ten idle services: until all of them run
  restart  a service is killed -> its next copy runs
  idle     memory, wake-ups and CPU of the supervisor of ten idle services
  supervise  all of it with 1 to 500 services: up, memory, idle, crash, stop, strays, logs; PART is one of these
  migrate  a thousand files applied, and none pending, beside other migration tools; memory
  release  a request on a socket that was handed over and through the proxy, and switches under load, beside nginx, HAProxy and
           Caddy; from `git push` until the new version answers, step by step
  backup   copies of PostgreSQL and SQLite of 1 GB beside a writer (`--quick`: 100 MB): time, size, memory, how long the writer
           waits; beside pg_dump, pgBackRest, VACUUM INTO; PART is postgresql or sqlite
  --quick     few rounds
  --peers     fetch what to compare with into the build directory: other supervisors (pip and apt; nothing is installed),
              other migration tools (as `cargo xtask setup --peers` does); other proxies
              and pgBackRest are installed by apt
  --no-build  measure the release that is there";

/// One group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chapter {
    Gate,
    Start,
    Restart,
    Idle,
    Supervise,
    Migrate,
    Release,
    Backup,
}

/// What was asked for on the command line.
pub(super) struct Options {
    pub(super) chapters: Vec<Chapter>,
    pub(super) quick: bool,
    pub(super) peers: bool,
    pub(super) build: bool,
    /// One part of `supervise` or `backup`.
    pub(super) only: Option<&'static str>,
}

const ALL: [Chapter; 8] = [
    Chapter::Gate,
    Chapter::Start,
    Chapter::Restart,
    Chapter::Idle,
    Chapter::Supervise,
    Chapter::Migrate,
    Chapter::Release,
    Chapter::Backup,
];

impl Chapter {
    /// As it is called on the command line and on disk.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Idle => "idle",
            Self::Supervise => "supervise",
            Self::Migrate => "migrate",
            Self::Release => "release",
            Self::Backup => "backup",
        }
    }
}

impl Options {
    /// Other supervisors are to be fetched.
    pub(super) fn supervisors(&self) -> bool {
        self.peers
            && self
                .chapters
                .iter()
                .any(|chapter| !matches!(chapter, Chapter::Migrate | Chapter::Release | Chapter::Backup))
    }

    /// Other migration tools are to be fetched.
    pub(super) fn migration_tools(&self) -> bool {
        self.peers && self.chapters.contains(&Chapter::Migrate)
    }

    /// Other proxies are to be installed.
    pub(super) fn proxies(&self) -> bool {
        self.peers && self.chapters.contains(&Chapter::Release)
    }

    /// Other programs that take copies are to be installed.
    pub(super) fn backups(&self) -> bool {
        self.peers && self.chapters.contains(&Chapter::Backup)
    }

    /// Without a chapter: all.
    pub(super) fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let (flags, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with("--"));
        if flags.contains(&"--help") {
            return Err(Failure::Usage(USAGE.to_owned()));
        }
        let (parts, flags): (Vec<&str>, Vec<&str>) = flags.iter().partition(|flag| flag.starts_with(ONLY));
        if let Some(unknown) = flags.iter().find(|flag| !FLAGS.contains(*flag)) {
            return Err(Failure::Usage(format!("error: unknown flag `{unknown}`\n{USAGE}")));
        }
        Ok(Self {
            chapters: chapters(&names)?,
            only: parts.first().map(|part| part_of(part)).transpose()?,
            quick: flags.contains(&"--quick"),
            peers: flags.contains(&"--peers"),
            build: !flags.contains(&"--no-build"),
        })
    }
}

fn part_of(flag: &str) -> Result<&'static str, Failure> {
    let name = flag.strip_prefix(ONLY).unwrap_or_default();
    let parts = [&supervise::PARTS[..], &backup::PARTS].concat();
    let found = parts.iter().copied().find(|part| *part == name);
    found.ok_or_else(|| Failure::Usage(format!("error: unknown part `{name}`; there are {}", parts.join(", "))))
}

fn chapters(names: &[&str]) -> Result<Vec<Chapter>, Failure> {
    if names.is_empty() || names.contains(&"all") {
        return Ok(ALL.to_vec());
    }
    let known = |name: &&str| {
        let found = ALL.into_iter().find(|chapter| chapter.name() == *name);
        found.ok_or_else(|| Failure::Usage(format!("error: unknown benchmark `{name}`\n{USAGE}")))
    };
    names.iter().map(known).collect()
}
