//! Who keeps services running: we, and other supervisors.
use super::Bench;
use super::helper::{self, IDLE, Moment, Stamp, millis, now, words};
use super::process::{Tied, family};
use crate::task::Failure;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::TempDir;

/// Services of every application that is measured here.
pub(super) const SERVICES: usize = 10;

/// A supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supervisor {
    Mainstay,
    Supervisord,
    Runit,
    S6,
    Honcho,
    /// Nobody: the services are started by us, one after the other. No supervisor can be quicker.
    Bare,
}

/// A supervisor that runs ten idle services. Killed with them on drop.
pub(super) struct Running {
    pub(super) begun: Moment,
    stamps: PathBuf,
    dir: TempDir,
    process: Tied,
    /// Those that nobody supervises.
    bare: Vec<Tied>,
}

/// All that are there, we first.
pub(super) fn all(bench: &Bench) -> Vec<Supervisor> {
    let peers = [Supervisor::Supervisord, Supervisor::Runit, Supervisor::S6, Supervisor::Honcho];
    let there = peers.into_iter().filter(|peer| bench.rivals.program(peer.program()).is_some());
    std::iter::once(Supervisor::Mainstay).chain(there).collect()
}

/// Those that are not there, for a note.
pub(super) fn missing(bench: &Bench) -> Option<String> {
    let peers = [Supervisor::Supervisord, Supervisor::Runit, Supervisor::S6, Supervisor::Honcho];
    let missing: Vec<&str> =
        peers.iter().map(|peer| peer.program()).filter(|it| bench.rivals.program(it).is_none()).collect();
    (!missing.is_empty()).then(|| format!("not here: {} (`--peers` fetches them)", missing.join(", ")))
}

impl Supervisor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => super::table::OURS,
            Self::Runit => "runit",
            Self::S6 => "s6",
            Self::Bare => "fork and exec",
            Self::Supervisord | Self::Honcho => self.program(),
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::Mainstay | Self::Bare => "mainstay",
            Self::Supervisord => "supervisord",
            Self::Runit => "runsvdir",
            Self::S6 => "s6-svscan",
            Self::Honcho => "honcho",
        }
    }

    /// Does it start a service again?
    pub(super) fn restarts(self) -> bool {
        !matches!(self, Self::Honcho | Self::Bare)
    }

    /// Writes its configuration and starts it.
    pub(super) fn begin(self, bench: &Bench) -> Result<Running, Failure> {
        let dir = TempDir::new();
        let stamps = dir.path().join("stamps");
        let words = self.prepare(bench, &dir, &stamps)?;
        let begun = now();
        let process = Tied(spawn(&words, &dir, bench)?);
        let mut running = Running { begun, stamps, dir, process, bare: Vec::new() };
        if self == Self::Bare {
            for name in names() {
                running.bare.push(Tied(spawn(&helper::words(IDLE, &running.stamps, &name), &running.dir, bench)?));
            }
        }
        Ok(running)
    }

    /// The words that start it.
    fn prepare(self, bench: &Bench, dir: &TempDir, stamps: &Path) -> Result<Vec<String>, Failure> {
        let at = dir.path().display().to_string();
        match self {
            Self::Mainstay => {
                dir.write("mainstay.toml", &toml(stamps));
                let ours = bench.mainstay.display().to_string();
                Ok([&ours, "up", "--dir", &at, "--log-format", "json"].map(str::to_owned).to_vec())
            }
            Self::Supervisord => {
                let conf = dir.write("supervisord.conf", &ini(&at, stamps));
                Ok(vec![self.path(bench)?, "--nodaemon".into(), "--configuration".into(), conf.display().to_string()])
            }
            Self::Runit | Self::S6 => {
                scripts(dir, stamps)?;
                Ok(vec![self.path(bench)?, format!("{at}/services")])
            }
            Self::Honcho => {
                let lines = names().map(|name| format!("{name}: exec {}\n", helper::line(IDLE, stamps, &name)));
                let file = dir.write("Procfile", &lines.collect::<String>());
                Ok(vec![self.path(bench)?, "-f".into(), file.display().to_string(), "start".into()])
            }
            Self::Bare => Ok(words(IDLE, &dir.path().join("nobody"), "nobody")),
        }
    }

    fn path(self, bench: &Bench) -> Result<String, Failure> {
        let found = bench.rivals.program(self.program());
        found
            .map(|path| path.display().to_string())
            .ok_or_else(|| Failure::Failed(format!("{} is not here", self.program())))
    }
}

fn names() -> impl Iterator<Item = String> {
    (0..SERVICES).map(|index| format!("idle{index}"))
}

/// Its database is a SQLite file in the directory: the gate is there, and opens at once.
fn toml(stamps: &Path) -> String {
    let services = names().map(|name| {
        let command = helper::line(IDLE, stamps, &name);
        format!("\n[services.{name}]\ncommand = \"{command}\"\nneeds = [\"main\"]\n")
    });
    format!("name = \"bench\"\n\n[databases.main]\nurl = \"sqlite:data/bench.db\"\n{}", services.collect::<String>())
}

fn ini(at: &str, stamps: &Path) -> String {
    let programs = names().map(|name| {
        let command = helper::line(IDLE, stamps, &name);
        format!("\n[program:{name}]\ncommand={command}\nautorestart=true\n")
    });
    format!("[supervisord]\nlogfile={at}/log\npidfile={at}/pid\nuser=root\n{}", programs.collect::<String>())
}

/// A directory with a `run` script for each, as runit and s6 want it.
fn scripts(dir: &TempDir, stamps: &Path) -> Result<(), Failure> {
    for name in names() {
        let text = format!("#!/bin/sh\nexec {}\n", helper::line(IDLE, stamps, &name));
        let file = dir.write(&format!("services/{name}/run"), &text);
        let made = std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755));
        made.map_err(|error| Failure::Failed(format!("cannot make {} executable: {error}", file.display())))?;
    }
    Ok(())
}

fn spawn(words: &[String], dir: &TempDir, bench: &Bench) -> Result<Child, Failure> {
    let cannot = |error| Failure::Failed(format!("cannot start {}: {error}", words[0]));
    let log = File::create(dir.path().join("err")).map_err(cannot)?;
    let out = File::create(dir.path().join("out")).map_err(cannot)?;
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir(dir.path())
        .env_clear()
        .env("HOME", dir.path())
        .env("PATH", bench.rivals.path());
    command.stdin(Stdio::null()).stdout(out).stderr(log).spawn().map_err(cannot)
}

impl Running {
    /// Waits for that many starts in all, ten at first; their moments in order.
    pub(super) fn started(&mut self, starts: usize) -> Result<Vec<Stamp>, Failure> {
        let begun = now();
        loop {
            let stamps = helper::stamps(&self.stamps);
            if stamps.len() >= starts {
                return Ok(stamps);
            }
            if millis(begun, now()) > 20_000.0 {
                return Err(Failure::Failed(format!("{} starts of {starts}; it said\n{}", stamps.len(), self.said())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The supervisor's own processes.
    pub(super) fn own(&self) -> Vec<u32> {
        let services: Vec<u32> = helper::stamps(&self.stamps).iter().map(|stamp| stamp.pid).collect();
        family(self.process.pid()).into_iter().filter(|pid| !services.contains(pid)).collect()
    }

    /// What it wrote to standard error.
    pub(super) fn said(&self) -> String {
        self.dir.read("err")
    }
}
