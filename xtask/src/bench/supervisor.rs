//! Who keeps services running: we, and other supervisors.
use super::Bench;
use super::helper::{self, IDLE, Moment, Stamp, millis, now};
use super::load::Load;
use super::process::{Tied, family, is_there, signal};
use crate::task::Failure;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::TempDir;

/// Services of every application that is measured here, where nothing else is said.
pub(super) const SERVICES: usize = 10;

/// A supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supervisor {
    Mainstay,
    Supervisord,
    Runit,
    S6,
    Pm2,
    Honcho,
    /// Nobody: the services are started by us, one after the other. No supervisor can be quicker.
    Bare,
}

const PEERS: [Supervisor; 5] =
    [Supervisor::Supervisord, Supervisor::Runit, Supervisor::S6, Supervisor::Pm2, Supervisor::Honcho];

/// A supervisor with its services. Killed with them on drop.
pub(super) struct Running {
    pub(super) begun: Moment,
    pub(super) stamps: PathBuf,
    dir: TempDir,
    process: Tied,
    supervisor: Supervisor,
    /// Those that nobody supervises.
    bare: Vec<Tied>,
}

/// All that are there, we first.
pub(super) fn all(bench: &Bench) -> Vec<Supervisor> {
    let there = PEERS.into_iter().filter(|peer| bench.rivals.program(peer.program()).is_some());
    std::iter::once(Supervisor::Mainstay).chain(there).collect()
}

/// Those that are not there, for a note.
pub(super) fn missing(bench: &Bench) -> Option<String> {
    let missing: Vec<&str> =
        PEERS.iter().map(|peer| peer.program()).filter(|it| bench.rivals.program(it).is_none()).collect();
    (!missing.is_empty()).then(|| format!("not here: {} (`--peers` fetches them)", missing.join(", ")))
}

impl Supervisor {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => super::table::OURS,
            Self::Runit => "runit",
            Self::S6 => "s6",
            Self::Pm2 => "pm2",
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
            Self::Pm2 => "pm2-runtime",
            Self::Honcho => "honcho",
        }
    }

    /// Does it start a service again?
    pub(super) fn restarts(self) -> bool {
        !matches!(self, Self::Honcho | Self::Bare)
    }

    /// Starts it with ten idle services.
    pub(super) fn begin(self, bench: &Bench) -> Result<Running, Failure> {
        self.begin_with(bench, &Load { gate: true, ..Load::idle(SERVICES) }, &[])
    }

    /// Writes its configuration and starts it, by `wrapper` if there is one.
    pub(super) fn begin_with(self, bench: &Bench, load: &Load, wrapper: &[&str]) -> Result<Running, Failure> {
        let dir = TempDir::new();
        let stamps = dir.path().join("stamps");
        load.write(self, &dir, &stamps)?;
        let words = wrapper.iter().map(|word| (*word).to_owned());
        let words: Vec<String> = words.chain(self.words(bench, &dir.path().display().to_string())?).collect();
        let begun = now();
        let process = Tied(spawn(&words, &dir, bench)?);
        let mut running = Running { begun, stamps, dir, process, supervisor: self, bare: Vec::new() };
        if self == Self::Bare {
            for name in load.names() {
                let words = helper::words(IDLE, &running.stamps, &name);
                running.bare.push(Tied(spawn(&words, &running.dir, bench)?));
            }
        }
        Ok(running)
    }

    /// The words that start it, when its configuration lies below `at`.
    fn words(self, bench: &Bench, at: &str) -> Result<Vec<String>, Failure> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        if matches!(self, Self::Mainstay | Self::Bare) {
            let ours = bench.mainstay.display().to_string();
            let nobody = helper::words(IDLE, &Path::new(at).join("nobody"), "nobody");
            return Ok(if self == Self::Bare {
                nobody
            } else {
                words(&[&ours, "up", "--dir", at, "--log-format", "json"])
            });
        }
        let found = bench.rivals.program(self.program());
        let missing = || Failure::Failed(format!("{} is not here", self.program()));
        let program = found.map(|path| path.display().to_string()).ok_or_else(missing)?;
        Ok(match self {
            Self::Supervisord => words(&[&program, "--nodaemon", "--configuration", &format!("{at}/supervisord.conf")]),
            Self::Pm2 => words(&[&program, "start", &format!("{at}/pm2.json")]),
            Self::Honcho => words(&[&program, "-f", &format!("{at}/Procfile"), "start"]),
            Self::S6 => words(&[&program, "-c", "1000", &format!("{at}/services")]),
            _ => words(&[&program, &format!("{at}/services")]),
        })
    }

    /// The signal that asks it to stop everything.
    fn stop_signal(self) -> rustix::process::Signal {
        // On TERM it leaves its services running.
        if self == Self::Runit { rustix::process::Signal::HUP } else { rustix::process::Signal::TERM }
    }
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
    /// Waits for that many starts in all; their moments in order.
    pub(super) fn started(&mut self, starts: usize) -> Result<Vec<Stamp>, Failure> {
        self.started_within(starts, Duration::from_secs(20))
    }

    /// The same with more patience.
    pub(super) fn started_within(&mut self, starts: usize, limit: Duration) -> Result<Vec<Stamp>, Failure> {
        let begun = now();
        loop {
            let stamps = helper::stamps(&self.stamps);
            if stamps.len() >= starts {
                return Ok(stamps);
            }
            if millis(begun, now()) > limit.as_secs_f64() * 1e3 {
                return Err(Failure::Failed(format!("{} starts of {starts}; it said\n{}", stamps.len(), self.said())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asks it to stop; milliseconds until it and all services are gone, or nothing when that takes longer than `limit`.
    pub(super) fn stop(&mut self, limit: Duration) -> Option<f64> {
        let pids: Vec<u32> = helper::stamps(&self.stamps).iter().map(|stamp| stamp.pid).collect();
        let begun = now();
        signal(self.process.pid(), self.supervisor.stop_signal());
        let mut ended = self.process.ends_within(limit);
        while ended && pids.iter().any(|pid| is_there(*pid)) {
            std::thread::sleep(Duration::from_millis(1));
            ended = millis(begun, now()) < limit.as_secs_f64() * 1e3;
        }
        ended.then(|| millis(begun, now()))
    }

    /// Asks it to stop, and waits until it has ended by itself; whom it leaves is not waited for.
    pub(super) fn end(&mut self, limit: Duration) {
        signal(self.process.pid(), self.supervisor.stop_signal());
        self.process.ends_within(limit);
    }

    /// The supervisor's own processes.
    pub(super) fn own(&self) -> Vec<u32> {
        let services: Vec<u32> = helper::stamps(&self.stamps).iter().map(|stamp| stamp.pid).collect();
        family(self.process.pid()).into_iter().filter(|pid| !services.contains(pid)).collect()
    }

    /// Everybody, services and what they have left included.
    pub(super) fn everybody(&self) -> Vec<u32> {
        family(self.process.pid())
    }

    /// What it wrote to standard error.
    pub(super) fn said(&self) -> String {
        self.dir.read("err")
    }

    /// Where it keeps the lines of its services.
    pub(super) fn logs(&self) -> PathBuf {
        self.dir.path().join(super::load::LOGS)
    }
}
