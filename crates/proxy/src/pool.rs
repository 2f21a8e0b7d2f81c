//! Connections to one copy of the application, kept open from request to request.

use crate::{body::Upload, patient::Patient, settings::Settings, traffic::Generation, wire::Wire};
use config::Upstream;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

/// The most idle connections that are looked at for a free one.
const LOOKED_AT: usize = 8;
/// Idle for longer, a connection may be closed by the application at any moment: it is not used again.
const FRESH: Duration = Duration::from_secs(20);

/// What a connection to the application is underneath.
pub(crate) type Line = TokioIo<Patient<Wire>>;

/// Connections to one copy of the application.
pub(crate) struct Pool {
    pub(crate) generation: Generation,
    pub(crate) upstream: Upstream,
    /// Is somebody trying to reach it already?
    pub(crate) sought: AtomicBool,
    /// Is it cut off?
    closed: watch::Sender<bool>,
    idle: Mutex<Vec<Idle>>,
    tasks: Mutex<JoinSet<()>>,
}

struct Idle {
    sender: SendRequest<Upload>,
    since: Instant,
}

/// A connection that is ours until the answer is through.
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<Upload>,
    pub(crate) pool: Arc<Pool>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unconnected {
    /// Nobody listens there: it is being restarted, or has crashed.
    NobodyThere,
    /// It took too long.
    Late,
    /// Anything else.
    Other,
}

impl Pool {
    pub(crate) fn new(generation: Generation, upstream: Upstream) -> Self {
        Self {
            generation,
            upstream,
            sought: AtomicBool::new(false),
            closed: watch::Sender::new(false),
            idle: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// An idle connection, the one that was used last.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Lease> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = Instant::now().checked_sub(FRESH);
        for at in (idle.len().saturating_sub(LOOKED_AT)..idle.len()).rev() {
            let known = &idle[at];
            if known.sender.is_closed() || oldest.is_some_and(|oldest| known.since < oldest) {
                idle.remove(at);
            } else if known.sender.is_ready() {
                let sender = idle.remove(at).sender;
                return Some(Lease { sender, pool: self.clone() });
            }
        }
        None
    }

    /// A new connection.
    pub(crate) async fn connect(self: &Arc<Self>, settings: &Settings) -> Result<Lease, Unconnected> {
        let wire = timeout(settings.times.connect, Wire::to(&self.upstream)).await.map_err(|_| Unconnected::Late)?;
        let wire = wire.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound | io::ErrorKind::ConnectionReset => {
                Unconnected::NobodyThere
            }
            io::ErrorKind::TimedOut => Unconnected::Late,
            _ => Unconnected::Other,
        })?;
        let line = TokioIo::new(Patient::on_silence(wire, settings.times.silence));
        let handshake = http1::Builder::new().max_buf_size(settings.limits.head.max(16 * 1024)).handshake(line).await;
        let (sender, connection) = handshake.map_err(|_| Unconnected::Other)?;
        // What goes wrong with it is told to whoever has a request on it.
        self.spawn(async move { drop(connection.with_upgrades().await) });
        Ok(Lease { sender, pool: self.clone() })
    }

    /// Something that ends when this copy is cut off.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if !self.is_closed() {
            tasks.spawn(task);
            return;
        }
        // What it holds may want the lock when it is dropped.
        drop(tasks);
        drop(task);
    }

    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Tells when this copy is cut off, to those who have a last word then.
    pub(crate) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// Ends all of its connections, whatever is on them.
    pub(crate) fn cut(&self) {
        self.closed.send_replace(true);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Lease {
    /// For the next request.
    pub(crate) fn give_back(self) {
        if self.sender.is_closed() || self.pool.is_closed() {
            return;
        }
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(Idle { sender: self.sender, since: Instant::now() });
        }
    }
}

/// So many idle connections are kept.
const KEPT: usize = 512;
