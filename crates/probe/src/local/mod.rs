//! A local PostgreSQL seen from outside: its processes, its titles, its log files. No SQL, no line in its log, and no
//! privilege needed for the essential part.

mod log_end;
mod postmaster;
mod replay;
mod title;

pub(crate) use postmaster::socket_name;

use crate::{Phase, Progress};
use config::dsn::Host;
use host::proc::Process;
use replay::Replay;
use std::{path::PathBuf, time::Duration};
use title::Title;

/// A local server that is not open yet.
#[derive(Debug)]
pub(crate) struct Sight {
    postmaster: Process,
    /// The process that replays. It ends when recovery does, a moment before the server opens.
    startup: Process,
    /// The data directory, when we may see it.
    data: Option<PathBuf>,
    replay: Replay,
}

impl Sight {
    /// The server behind one of `hosts`, if it runs here and recovers.
    pub(crate) async fn find(hosts: &[Host]) -> Option<Self> {
        let postmaster = postmaster::find(hosts).await?;
        let startup = startup_of(postmaster)?;
        Some(Self { postmaster, startup, data: postmaster.cwd(), replay: Replay::default() })
    }

    /// The process whose end is the sign.
    pub(crate) fn startup(&self) -> Process {
        self.startup
    }

    /// `postmaster.pid`, when we may see it; its last line is the server's state.
    pub(crate) fn status_file(&self) -> Option<PathBuf> {
        self.data.as_ref().map(|data| data.join("postmaster.pid"))
    }

    /// What the server says in `postmaster.pid`: `starting`, `ready`, `standby`, `stopping`.
    pub(crate) fn status(&self) -> Option<String> {
        let text = host::fs::read_to_string(&self.status_file()?, 4096).ok()?;
        text.lines().last().map(|line| line.trim().to_owned())
    }

    /// How far it is at `now`, a time since any fixed moment. Nothing when its startup process is gone.
    pub(crate) fn progress(&mut self, now: Duration) -> Option<Progress> {
        let titles: Vec<_> = self.postmaster.children().into_iter().filter_map(|child| child.cmdline()).collect();
        let title = titles.iter().find_map(|title| title::startup(title))?;
        let phase = phase(&title, &titles);
        if let Title::Recovering(segment) = &title {
            self.replay.note(now, segment);
        }
        if phase != Phase::Replaying {
            return Some(Progress { phase, position: self.replay.position(), rate: None, left: None });
        }
        let end = self.data.as_deref().and_then(|data| self.replay.at().and_then(|at| log_end::find(data, at)));
        Some(Progress {
            phase,
            position: self.replay.position(),
            rate: self.replay.rate(),
            left: end.and_then(|end| self.replay.left(end)),
        })
    }
}

fn startup_of(postmaster: Process) -> Option<Process> {
    postmaster
        .children()
        .into_iter()
        .find(|child| child.cmdline().is_some_and(|title| title::startup(&title).is_some()))
}

fn phase(startup: &Title, all: &[String]) -> Phase {
    if all.iter().any(|title| title::is_final_checkpoint(title)) {
        return Phase::Checkpoint;
    }
    match startup {
        Title::Beginning => Phase::Beginning,
        // A replica goes on replaying for ever: that it moves is no sign of an end.
        Title::Waiting | Title::Recovering(_) if all.iter().any(|title| title::is_wal_receiver(title)) => {
            Phase::Waiting
        }
        Title::Waiting => Phase::Waiting,
        Title::Recovering(_) => Phase::Replaying,
    }
}
