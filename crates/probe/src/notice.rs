//! What can be noticed while nobody asks: a port that opens, a recovery that moves or ends.

use crate::{
    Progress,
    gate::Input,
    local::{Server, Sight},
    peek::Peek,
};
use config::{Target, dsn::Host};
use database::{ServerState, postgres::local::PostmasterStatus};
use host::proc;
use std::{future::pending, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Between two looks at a recovery that is seen; its end is noticed without looking.
const GLANCE: Duration = Duration::from_millis(500);
/// Between two searches for a server that is not seen.
const SEARCH: Duration = Duration::from_millis(100);
const SEARCH_MOST: Duration = Duration::from_secs(2);
/// Between two looks into `postmaster.pid`: a replica opens for readers while its startup process goes on. Watching the
/// file instead (inotify) would be dearer than it looks: closing the watch, which every exec does, waits for a grace
/// period of the whole kernel, 15 ms on a quiet machine and seconds on a busy one.
const GLIMPSE: Duration = Duration::from_millis(200);
/// From the end of the startup process, or from the open port, to `ready` in `postmaster.pid`.
const OPENING: Duration = Duration::from_millis(100);

/// Notices things about one target; only a PostgreSQL gives anything to notice.
pub(crate) struct Notice {
    hosts: Vec<Host>,
    peek: Peek,
    sight: Option<Seen>,
    /// When to search for it again, and the wait after that.
    search: (Instant, Duration),
    began: Instant,
}

/// A recovering server in sight.
struct Seen {
    sight: Sight,
    glance: Instant,
    progress: Option<Progress>,
    status: Option<PostmasterStatus>,
}

impl Notice {
    pub(crate) fn new(target: &Target) -> Self {
        let hosts = match target {
            Target::Postgres(dsn) => dsn.hosts.clone(),
            _ => Vec::new(),
        };
        let now = Instant::now();
        Self { peek: Peek::new(&hosts), hosts, sight: None, search: (now, SEARCH), began: now }
    }

    /// How far its recovery is, after it refused in `state`.
    pub(crate) async fn look(&mut self, state: ServerState) -> Option<Progress> {
        if self.hosts.is_empty() || !is_closed(state) {
            self.sight = None;
            return None;
        }
        if self.sight.is_none() {
            self.find().await;
        }
        self.glance()
    }

    /// Resolves when something is noticed about a server that refused in `state`. May be dropped and called again.
    pub(crate) async fn next(&mut self, state: Option<ServerState>) -> Input {
        match state {
            _ if self.hosts.is_empty() => pending().await,
            Some(ServerState::Down) => {
                self.peek.listening().await;
                if let Some(server) = Server::find(&self.hosts).await {
                    opens(&server).await;
                }
                Input::Hint
            }
            Some(state) if is_closed(state) || state == ServerState::ReadOnly => self.recovery(state).await,
            _ => pending().await,
        }
    }

    async fn recovery(&mut self, state: ServerState) -> Input {
        loop {
            let Some(seen) = &mut self.sight else {
                sleep_until(self.search.0).await;
                self.find().await;
                match self.glance() {
                    Some(progress) if is_closed(state) => return Input::Progress(Some(progress)),
                    _ => continue,
                }
            };
            match seen.wait().await {
                Sign::Ended => {
                    opens(seen.sight.server()).await;
                    self.sight = None;
                    self.search = (Instant::now() + SEARCH, SEARCH);
                    return Input::Hint;
                }
                Sign::Status => return Input::Hint,
                Sign::Time => {
                    let before = self.sight.as_ref().and_then(|seen| seen.progress.clone());
                    let now = self.glance();
                    // A replica that replays for ever makes no progress towards accepting writes.
                    if now != before && is_closed(state) {
                        return Input::Progress(now);
                    }
                }
            }
        }
    }

    async fn find(&mut self) {
        let gap = self.search.1;
        self.search = (Instant::now() + gap, (gap * 2).min(SEARCH_MOST));
        self.sight = Sight::find(&self.hosts).await.map(Seen::new);
    }

    fn glance(&mut self) -> Option<Progress> {
        let seen = self.sight.as_mut()?;
        seen.glance = Instant::now() + GLANCE;
        seen.progress = seen.sight.progress(self.began.elapsed());
        seen.progress.clone()
    }
}

/// Something about a recovering server.
enum Sign {
    /// Its startup process is gone.
    Ended,
    /// It wrote another word into `postmaster.pid`.
    Status,
    /// Time to look how far it is.
    Time,
}

impl Seen {
    fn new(sight: Sight) -> Self {
        Self { glance: Instant::now() + GLANCE, progress: None, status: sight.server().status(), sight }
    }

    async fn wait(&mut self) -> Sign {
        tokio::select! {
            biased;
            _ = proc::wait_gone(self.sight.startup().pid) => Sign::Ended,
            () = status_opens(&self.sight, &mut self.status) => Sign::Status,
            () = sleep_until(self.glance) => Sign::Time,
        }
    }
}

/// Resolves when the server writes that it is open and has not done so before.
async fn status_opens(sight: &Sight, status: &mut Option<PostmasterStatus>) {
    loop {
        sleep(GLIMPSE).await;
        let before = std::mem::replace(status, sight.server().status());
        if *status != before && status.is_some_and(PostmasterStatus::is_open) {
            return;
        }
    }
}

/// A server listens, and its startup process ends, a moment before it opens. Where `postmaster.pid` may be read it tells
/// the moment, and spares the server's log a line. What takes longer is a recovery.
async fn opens(server: &Server) {
    let open = async {
        while server.is_open() == Some(false) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = timeout(OPENING, open).await;
}

fn is_closed(state: ServerState) -> bool {
    matches!(state, ServerState::Starting | ServerState::Recovering)
}
