//! A supervised process: when it is started again, how it is stopped, what it may use.

use super::{HealthCheck, Sign};
use crate::Target;
use retry::Backoff;
use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// One supervised process. Prints its variables by name alone.
#[derive(Clone, PartialEq)]
pub struct Service {
    /// As it is called in `needs`, logs and metrics.
    pub name: String,
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Working directory. Absolute.
    pub cwd: PathBuf,
    /// Variables on top of [`App::env`](crate::App::env).
    pub env: BTreeMap<String, String>,
    /// Dependencies it needs, by name.
    pub needs: Vec<String>,
    /// Services that must be ready before it, by name.
    pub after: Vec<String>,
    /// The address that mainstay binds and hands over as `LISTEN_FDS` (sd_listen_fds(3)).
    pub listen: Option<SocketAddr>,
    /// A port of 127.0.0.1 for each generation, told as `PORT`; [`Service::UNCHOSEN`] before.
    pub port: Option<u16>,
    /// How its readiness and health are told.
    pub health: Option<HealthCheck>,
    /// When it is started again.
    pub restart: Restart,
    /// How it is stopped.
    pub stop: Stop,
    /// May two generations overlap during a handover?
    pub handover: Handover,
    /// The PostgreSQL whose advisory lock lets only one host run an exclusive one, one of [`App::dependencies`](crate::App::dependencies).
    pub single: Option<String>,
    /// What it may use.
    pub limits: Limits,
    /// Waits this long before the first start.
    pub start_delay: Duration,
}

impl Service {
    /// A port that nobody is given, in the place of one that is chosen at the start.
    pub const UNCHOSEN: u16 = 1;

    /// The same with a port of its own, if it is to have one; its health is asked there.
    pub fn at_port(&self, port: u16) -> Self {
        match self.port {
            Some(_) => Self { port: Some(port), ..self.asked_at((Ipv4Addr::LOCALHOST, port).into()) },
            None => self.clone(),
        }
    }

    /// The same, but its health is asked at `door` instead of the port of its own.
    pub fn asked_at(&self, door: SocketAddr) -> Self {
        let mut service = self.clone();
        let Some(before) = self.port else { return service };
        match service.health.as_mut().map(|check| &mut check.sign) {
            Some(Sign::Target(Target::Http { url, .. })) => {
                *url = url.replacen(&format!("//127.0.0.1:{before}/"), &format!("//{door}/"), 1);
            }
            Some(Sign::Target(Target::Tcp { host, port })) if host == "127.0.0.1" && *port == before => {
                (*host, *port) = (door.ip().to_string(), door.port());
            }
            _ => {}
        }
        service
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys())
            .field("needs", &self.needs)
            .field("after", &self.after)
            .field("listen", &self.listen)
            .field("port", &self.port)
            .field("health", &self.health)
            .field("restart", &self.restart)
            .field("stop", &self.stop)
            .field("handover", &self.handover)
            .field("single", &self.single)
            .field("limits", &self.limits)
            .field("start_delay", &self.start_delay)
            .finish()
    }
}

/// When an ended service is started again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restart {
    /// After which ends.
    pub when: RestartWhen,
    /// The waits between starts.
    pub backoff: Backoff,
    /// A life at least this long begins the waits anew.
    pub stable_after: Duration,
    /// How often within how long, at most; nothing for without end.
    pub budget: Option<Budget>,
}

/// So many restarts within so long a time, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// From 1.
    pub times: u32,
    /// Longer than nothing.
    pub within: Duration,
}

/// After which ends a service is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartWhen {
    /// After every end that nobody asked for.
    #[default]
    Always,
    /// After an exit code other than 0 or a signal. Exit 0 is the end: a one-shot.
    OnFailure,
    /// Never: its first end is its last.
    Never,
}

/// How a service is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The polite signal's number, `SIGTERM` by default.
    pub signal: i32,
    /// Time from the polite signal until `SIGKILL` to the whole group.
    pub grace: Duration,
}

/// May two generations of a service run at once?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handover {
    /// Yes: the new one is started before the old one is stopped. So it is with a service that mainstay listens for.
    Overlap,
    /// Nobody has said so: the old one is stopped first, and nothing else keeps two from running.
    #[default]
    InTurn,
    /// No, nowhere: pollers and schedulers. The old one is stopped first, and a lock keeps others away.
    Exclusive,
}

/// What a service may use at most, all of its processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Processors: 1.5 are one and a half.
    pub cpu: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Open files of each of its processes.
    pub files: Option<u32>,
}
