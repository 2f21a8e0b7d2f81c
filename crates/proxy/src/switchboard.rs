//! The traffic's decisions carried out: who waits is woken, who drains too long is cut off.

use crate::{
    page::Problem,
    pool::Pool,
    settings::Settings,
    traffic::{Arrival, Effect, Generation, NoCandidate, Stage, Ticket, Traffic},
};
use config::Upstream;
use hyper::{Method, Uri};
use report::Journal;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep_until, timeout_at},
};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) stopping: watch::Sender<bool>,
    /// Requests that were answered by the application, and those that it failed.
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// A copy is gone, or a request is over while we stop.
    pub(crate) changed: Notify,
    board: Mutex<Board>,
}

pub(crate) struct Board {
    pub(crate) traffic: Traffic<Subject>,
    pub(crate) pools: Vec<Arc<Pool>>,
    waiters: BTreeMap<Ticket, oneshot::Sender<Arc<Pool>>>,
}

/// A request on its way; it is over when this is dropped.
pub(crate) struct Flight {
    ticket: Ticket,
    shared: Arc<Shared>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut board = self.shared.board();
        board.waiters.remove(&self.ticket);
        if let Some(effect) = board.traffic.depart(self.ticket) {
            board.perform(effect);
            self.shared.changed.notify_waiters();
        } else if *self.shared.stopping.borrow() {
            self.shared.changed.notify_waiters();
        }
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings, journal: Arc<dyn Journal>) -> Self {
        let traffic = Traffic::new(settings.hold);
        Self {
            settings,
            journal,
            stopping: watch::Sender::new(false),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            changed: Notify::new(),
            board: Mutex::new(Board { traffic, pools: Vec::new(), waiters: BTreeMap::new() }),
        }
    }

    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a request goes. It may wait for that.
    pub(crate) async fn seat(self: &Arc<Self>, subject: Subject) -> Result<(Flight, Arc<Pool>), Problem> {
        let (flight, waits) = {
            let mut board = self.board();
            match board.traffic.arrive(subject, Instant::now()) {
                Arrival::Go(ticket, to) => {
                    let flight = Flight { ticket, shared: self.clone() };
                    let pool = board.pool(to);
                    drop(board);
                    return pool.map(|pool| (flight, pool)).ok_or(Problem::Unconnected);
                }
                Arrival::Full => return Err(Problem::Full(self.settings.hold.time)),
                Arrival::Wait(ticket, until) => {
                    (Flight { ticket, shared: self.clone() }, (board.waiter(ticket), until))
                }
            }
        };
        self.woken(flight, waits).await
    }

    /// The copy cannot be reached, and nothing of the request was sent: it waits until one can be, or goes to a newer one.
    pub(crate) async fn turn_back(
        self: &Arc<Self>,
        flight: Flight,
        from: &Arc<Pool>,
    ) -> Result<(Flight, Arc<Pool>), Problem> {
        let waits = {
            let mut board = self.board();
            let (arrival, effect) = board.traffic.turn_back(flight.ticket, Instant::now());
            effect.into_iter().for_each(|effect| board.perform(effect));
            match arrival {
                Some(Arrival::Go(_, to)) => {
                    let pool = board.pool(to);
                    drop(board);
                    return pool.map(|pool| (flight, pool)).ok_or(Problem::Unconnected);
                }
                Some(Arrival::Wait(ticket, until)) => Some((board.waiter(ticket), until)),
                Some(Arrival::Full) | None => None,
            }
        };
        crate::prove::seek(self, from);
        match waits {
            Some(waits) => self.woken(flight, waits).await,
            None => Err(Problem::Full(self.settings.hold.time)),
        }
    }

    async fn woken(
        &self,
        flight: Flight,
        (woken, until): (oneshot::Receiver<Arc<Pool>>, Instant),
    ) -> Result<(Flight, Arc<Pool>), Problem> {
        match timeout_at(until, woken).await {
            Ok(Ok(pool)) => Ok((flight, pool)),
            Ok(Err(_)) | Err(_) => Err(Problem::NotThere(self.settings.hold.time)),
        }
    }

    /// A copy that will be proven.
    pub(crate) fn propose(&self, upstream: Upstream) -> Arc<Pool> {
        let mut board = self.board();
        let pool = Arc::new(Pool::new(board.traffic.propose(), upstream));
        board.pools.push(pool.clone());
        pool
    }

    /// It answers: from now on requests go there. Answers with who was live.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn promote(self: &Arc<Self>, pool: &Pool, drain: Duration) -> Result<Option<Arc<Pool>>, NoCandidate> {
        let now = Instant::now();
        let mut board = self.board();
        let before = board.traffic.live().filter(|live| *live != pool.generation).and_then(|live| board.pool(live));
        let effects = board.traffic.promote(pool.generation, now, drain)?;
        effects.into_iter().for_each(|effect| board.perform(effect));
        drop(board);
        self.changed.notify_waiters();
        let shared = self.clone();
        tokio::spawn(async move {
            sleep_until(now + drain).await;
            let mut board = shared.board();
            let cut = board.traffic.due(Instant::now());
            cut.into_iter().for_each(|effect| board.perform(effect));
        });
        Ok(before)
    }

    /// Waits until a copy is gone.
    pub(crate) async fn gone(&self, generation: Generation) {
        self.until(|board| board.traffic.stage(generation).is_none()).await;
    }

    /// Waits until the proxy is told to stop.
    pub(crate) async fn told_to_stop(&self) {
        // It cannot go away: we have it.
        drop(self.stopping.subscribe().wait_for(|stopping| *stopping).await);
    }

    /// Waits until no request is on its way.
    pub(crate) async fn quiet(&self) {
        self.until(|board| board.traffic.is_quiet()).await;
    }

    async fn until(&self, reached: impl Fn(&Board) -> bool) {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Before the look, so that nothing is missed between.
            changed.as_mut().enable();
            if reached(&self.board()) {
                return;
            }
            changed.await;
        }
    }

    pub(crate) fn count(&self, answered: bool) {
        let counter = if answered { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Board {
    pub(crate) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Go(ticket, to) => {
                let pool = self.pool(to);
                if let (Some(waiter), Some(pool)) = (self.waiters.remove(&ticket), pool) {
                    // Who has left meanwhile departs by itself.
                    let _ = waiter.send(pool);
                }
            }
            Effect::Cut(generation) => self.pool(generation).into_iter().for_each(|pool| pool.cut()),
            Effect::Gone(generation) => {
                self.pool(generation).into_iter().for_each(|pool| pool.cut());
                self.pools.retain(|pool| pool.generation != generation);
            }
        }
    }

    pub(crate) fn pool(&self, generation: Generation) -> Option<Arc<Pool>> {
        self.pools.iter().find(|pool| pool.generation == generation).cloned()
    }

    pub(crate) fn is_proving(&self, generation: Generation) -> bool {
        self.traffic.stage(generation) == Some(Stage::Proving)
    }

    fn waiter(&mut self, ticket: Ticket) -> oneshot::Receiver<Arc<Pool>> {
        let (sender, receiver) = oneshot::channel();
        self.waiters.insert(ticket, sender);
        receiver
    }
}
