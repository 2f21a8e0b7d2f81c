//! A local PostgreSQL seen from outside: its processes, its titles, its log files. No SQL, no line in its log, and no
//! privilege needed for the essential part.

mod log_end;
mod postmaster;
mod replay;

pub(crate) use postmaster::socket_name;

use crate::{Phase, Progress};
use config::dsn::Host;
use database::postgres::local::{
    CONTROL_FILE, PostmasterStatus, SEGMENT_SIZE, Segment, Startup, is_final_checkpoint, is_wal_receiver, redo_start,
};
use host::{fs, proc::Process};
use replay::Replay;
use std::{path::PathBuf, time::Duration};

/// A local server.
#[derive(Debug)]
pub(crate) struct Server {
    postmaster: Process,
    /// The data directory, when we may see it.
    data: Option<PathBuf>,
}

impl Server {
    /// The server behind one of `hosts`, if it runs here.
    pub(crate) async fn find(hosts: &[Host]) -> Option<Self> {
        let postmaster = postmaster::find(hosts).await?;
        Some(Self { postmaster, data: postmaster.cwd() })
    }

    /// What it says in `postmaster.pid`.
    pub(crate) fn status(&self) -> Option<PostmasterStatus> {
        PostmasterStatus::parse(&self.pid_file()?)
    }

    /// Does it say there that it lets clients in? Nothing when we may not read it.
    pub(crate) fn is_open(&self) -> Option<bool> {
        let text = self.pid_file()?;
        Some(PostmasterStatus::parse(&text).is_some_and(PostmasterStatus::is_open))
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.postmaster.pid
    }

    /// Its data directory, when we may see it.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.data.clone()
    }

    /// The file that its logging collector writes to now (`current_logfiles`, PostgreSQL 10 and later); the one for people, where
    /// there are several.
    pub(crate) fn collected_log(&self) -> Option<PathBuf> {
        let data = self.data.as_ref()?;
        let files = fs::read_to_string(&data.join("current_logfiles"), 4096).ok()?;
        let of = |kind: &str| files.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        of("stderr").or_else(|| of("csvlog")).or_else(|| of("jsonlog")).map(|file| data.join(file))
    }

    /// Where its standard error leads.
    pub(crate) fn standard_error(&self) -> Option<PathBuf> {
        self.postmaster.standard_error()
    }

    fn pid_file(&self) -> Option<String> {
        fs::read_to_string(&self.data.as_ref()?.join("postmaster.pid"), 4096).ok()
    }
}

/// A local server that is not open yet.
#[derive(Debug)]
pub(crate) struct Sight {
    server: Server,
    /// The process that replays. It ends when recovery does, a moment before the server opens.
    startup: Process,
    /// Since it was first seen to replay.
    replay: Option<Replay>,
}

impl Sight {
    /// The server behind one of `hosts`, if it runs here and recovers.
    pub(crate) async fn find(hosts: &[Host]) -> Option<Self> {
        let server = Server::find(hosts).await?;
        let startup = startup_of(server.postmaster)?;
        Some(Self { server, startup, replay: None })
    }

    /// The process whose end is the sign.
    pub(crate) fn startup(&self) -> Process {
        self.startup
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// How far it is at `now`, a time since any fixed moment. Nothing when its startup process is gone.
    pub(crate) fn progress(&mut self, now: Duration) -> Option<Progress> {
        let titles: Vec<_> =
            self.server.postmaster.children().into_iter().filter_map(|child| child.cmdline()).collect();
        let startup = titles.iter().find_map(|title| Startup::parse(title))?;
        if let Startup::Replaying(segment) = startup {
            self.note(now, segment);
        }
        let (phase, replay) = (phase(startup, &titles), self.replay.as_ref());
        let progress = Progress { phase, position: replay.map(Replay::position), log: None, rate: None, left: None };
        let Some(replay) = replay.filter(|_| phase == Phase::Replaying) else { return Some(progress) };
        let end = self.pg_wal().and_then(|pg_wal| log_end::find(&pg_wal, replay.at()));
        let log = end.and_then(|end| replay.log(end));
        Some(Progress { log, rate: replay.rate(), left: end.and_then(|end| replay.left(end)), ..progress })
    }

    fn note(&mut self, now: Duration, segment: Segment) {
        match &mut self.replay {
            Some(replay) => replay.note(now, segment),
            None => self.replay = Some(self.replay_from(now, segment)),
        }
    }

    /// The control file and the log belong to the server: others may only see its titles.
    fn replay_from(&self, now: Duration, segment: Segment) -> Replay {
        let control = self.server.data.as_ref().map(|data| data.join("global/pg_control"));
        let begin = control.and_then(|file| redo_start(&fs::read(&file, CONTROL_FILE).ok()?));
        let file = self.pg_wal().map(|pg_wal| pg_wal.join(segment.to_string()));
        let size = file.and_then(|file| Some(fs::metadata(&file).ok()?.len)).unwrap_or(SEGMENT_SIZE);
        Replay::new(now, segment, size, begin)
    }

    fn pg_wal(&self) -> Option<PathBuf> {
        self.server.data.as_ref().map(|data| data.join("pg_wal"))
    }
}

fn startup_of(postmaster: Process) -> Option<Process> {
    let is_startup = |process: &Process| process.cmdline().is_some_and(|title| Startup::parse(&title).is_some());
    postmaster.children().into_iter().find(is_startup)
}

fn phase(startup: Startup, all: &[String]) -> Phase {
    if all.iter().any(|title| is_final_checkpoint(title)) {
        return Phase::Checkpoint;
    }
    match startup {
        Startup::Preparing => Phase::Beginning,
        // A replica goes on replaying for ever: that it moves is no sign of an end.
        Startup::Replaying(_) if all.iter().any(|title| is_wal_receiver(title)) => Phase::Waiting,
        Startup::Waiting => Phase::Waiting,
        Startup::Replaying(_) => Phase::Replaying,
    }
}
