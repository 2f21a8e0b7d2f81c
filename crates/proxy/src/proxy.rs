//! The proxy as the rest of the program holds it.

use crate::{
    offered::Offered,
    pool::Pool,
    prove::{Proof, Unproven, prove},
    settings::Settings,
    switchboard::Shared,
};
use config::Upstream;
use report::{Event, Journal};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// In bytes: what all requests of a moment need together, and no more than that.
const KEPT_FREE: u32 = 2 << 20;

/// Requests go to one copy of the application at a time; which one can be changed, and nobody notices.
pub struct Proxy {
    shared: Arc<Shared>,
    offered: OnceLock<Offered>,
}

/// Another copy is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    /// Who was live.
    pub from: Option<Upstream>,
    /// Who is.
    pub to: Upstream,
    /// From the question until the new one was proven.
    pub proven_after: Duration,
    /// From then until the old one had nothing left.
    pub drained_after: Duration,
    /// Requests of the old one that were cut off because they took too long.
    pub cut: usize,
}

/// Why the live copy is the same as before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// The new one was not there in time.
    #[error("`{to}` does not answer within {}", report::seconds(*.limit))]
    Unproven {
        /// The new one.
        to: Upstream,
        /// It had so long.
        limit: Duration,
        /// The last thing seen.
        #[source]
        seen: Unproven,
    },
    /// Somebody switched to a still newer one meanwhile.
    #[error("somebody else has switched meanwhile")]
    Overtaken,
}

impl Proxy {
    /// A proxy without any application; requests wait for one. What happens is told to `journal`.
    pub fn new(settings: Settings, journal: Arc<dyn Journal>) -> Self {
        host::allocator::keep_freed(KEPT_FREE);
        Self { shared: Arc::new(Shared::new(settings, journal)), offered: OnceLock::new() }
    }

    /// TLS is offered with this, which is shown to whoever asks. The first one stays.
    pub fn offer(&self, offered: Offered) {
        let _ = self.offered.set(offered);
    }

    /// What TLS is offered with.
    pub fn offered(&self) -> Option<&Offered> {
        self.offered.get()
    }

    /// Sends everything to `to` as soon as it answers, however long that takes: for the start.
    pub fn begin(&self, to: Upstream) {
        let (shared, pool) = (self.shared.clone(), self.shared.propose(to));
        tokio::spawn(async move {
            let proof = Proof { path: None, limit: Duration::from_secs(5) };
            let mut told = false;
            while shared.board().is_proving(pool.generation) {
                match prove(&shared, &pool, &proof).await {
                    Ok(()) => drop(shared.promote(&pool, shared.settings.drain)),
                    Err(seen) if !told => {
                        let text = format!("requests wait for {}: {seen}", pool.upstream);
                        shared.journal.note(Event::new("proxy.waiting", text).level(report::Level::Warn));
                        told = true;
                    }
                    Err(_) => {}
                }
            }
        });
    }

    /// Proves the copy at `to`, sends everything there, and waits until the one before has finished what it had, or `drain`
    /// is over.
    ///
    /// # Errors
    /// Then nothing has changed. See [`SwitchError`].
    pub async fn switch(&self, to: Upstream, proof: &Proof, drain: Duration) -> Result<Switched, SwitchError> {
        let (shared, begun) = (&self.shared, Instant::now());
        let candidate = Candidate { pool: shared.propose(to.clone()), shared };
        prove(shared, &candidate.pool, proof).await.map_err(|seen| SwitchError::Unproven {
            to: to.clone(),
            limit: proof.limit,
            seen,
        })?;
        let (proven_after, proven) = (begun.elapsed(), Instant::now());
        let before = shared.promote(&candidate.pool, drain).map_err(|_| SwitchError::Overtaken)?;
        drop(candidate);
        let from = before.as_ref().map(|pool| pool.upstream.clone());
        let cut = match before {
            Some(before) => self.drained(&before, drain).await,
            None => 0,
        };
        let switched = Switched { from, to, proven_after, drained_after: proven.elapsed(), cut };
        shared.journal.note(told(&switched));
        Ok(switched)
    }

    /// Answers with the number of requests that had to be cut off.
    async fn drained(&self, pool: &Pool, drain: Duration) -> usize {
        let shared = &self.shared;
        if timeout(drain, shared.gone(pool.generation)).await.is_ok() {
            return 0;
        }
        let cut = shared.board().traffic.flights(pool.generation).count();
        pool.cut();
        // They end as soon as somebody looks at them; who does not even take the error is not waited for.
        let _ = timeout(Duration::from_secs(1), shared.gone(pool.generation)).await;
        cut
    }

    /// From now on requests wait, within bounds.
    pub fn hold(&self) {
        self.shared.board().traffic.hold();
        self.shared.journal.note(Event::new("proxy.held", "requests wait until `resume`"));
    }

    /// From now on they go.
    pub fn resume(&self) {
        let mut board = self.shared.board();
        let effects = board.traffic.resume();
        let waited = effects.len();
        effects.into_iter().for_each(|effect| board.perform(effect));
        drop(board);
        let text = format!("requests go again; {} waited", report::count(waited, "request"));
        self.shared.journal.note(Event::new("proxy.resumed", text));
    }

    /// Whoever comes is refused, what is on its way is finished, for `limit` at most. Answers with what was cut off.
    pub async fn stop(&self, limit: Duration) -> usize {
        self.shared.stopping.send_replace(true);
        if timeout(limit, self.shared.quiet()).await.is_ok() {
            return 0;
        }
        let board = self.shared.board();
        let cut = board.traffic.generations().map(|(it, _)| board.traffic.flights(it).count()).sum::<usize>();
        let all = cut + board.traffic.waiting().len();
        board.pools.iter().for_each(|pool| pool.cut());
        all
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

/// Is forgotten when it does not become live.
struct Candidate<'a> {
    pool: Arc<Pool>,
    shared: &'a Arc<Shared>,
}

impl Drop for Candidate<'_> {
    fn drop(&mut self) {
        let mut board = self.shared.board();
        if let Some(effect) = board.traffic.reject(self.pool.generation) {
            board.perform(effect);
        }
    }
}

fn told(switched: &Switched) -> Event {
    let cut = match switched.cut {
        0 => String::new(),
        cut => format!(", {} cut off", report::count(cut, "request")),
    };
    let text = format!("requests go to {}; drained in {}{cut}", switched.to, report::seconds(switched.drained_after));
    Event::new("proxy.switched", text).with("upstream", switched.to.to_string()).with("cut", switched.cut as u64)
}
