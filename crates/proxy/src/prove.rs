//! Whether a copy of the application answers.

use crate::{
    body::Upload,
    pool::{Pool, Unconnected},
    switchboard::Shared,
};
use hyper::{
    Request,
    header::{HOST, HeaderValue},
};
use report::{Event, Level};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What a new copy has to show before it is sent anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// A path that must be answered with 2xx; without one it is enough that connections are accepted.
    pub path: Option<String>,
    /// It has so long.
    pub limit: Duration,
}

/// Why a copy is not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Nobody listens.
    #[error("nobody listens there")]
    NobodyThere,
    /// It does not accept connections in time.
    #[error("it does not accept connections")]
    Silent,
    /// Its health page says no.
    #[error("`{path}` was answered with {status}")]
    Status {
        /// The page.
        path: String,
        /// What it says.
        status: u16,
    },
    /// Its health page has no answer.
    #[error("`{path}` was not answered: {cause}")]
    Unanswered {
        /// The page.
        path: String,
        /// Why.
        cause: String,
    },
}

/// Asks again and again until the copy answers, or its time is up: then with the last thing seen.
pub(crate) async fn prove(shared: &Shared, pool: &Arc<Pool>, proof: &Proof) -> Result<(), Unproven> {
    let until = Instant::now() + proof.limit;
    let (mut pause, mut seen) = (FIRST_PAUSE, Unproven::Silent);
    loop {
        match timeout_at(until, ask(shared, pool, proof.path.as_deref())).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => seen = error,
            Err(_) => return Err(seen),
        }
        if timeout_at(until, sleep(pause)).await.is_err() {
            return Err(seen);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn ask(shared: &Shared, pool: &Arc<Pool>, path: Option<&str>) -> Result<(), Unproven> {
    let lease = pool.connect(&shared.settings).await;
    let mut lease = lease.map_err(|error| match error {
        Unconnected::NobodyThere => Unproven::NobodyThere,
        Unconnected::Late | Unconnected::Other => Unproven::Silent,
    })?;
    // A connection that nothing was asked on is for the first request.
    let Some(path) = path else {
        lease.give_back();
        return Ok(());
    };
    let unanswered = |cause: String| Unproven::Unanswered { path: path.to_owned(), cause };
    let request = health(path, pool).map_err(|error| unanswered(error.to_string()))?;
    let response = lease.sender.try_send_request(request).await;
    let response = response.map_err(|error| unanswered(crate::exchange::problem(error.error(), None).to_string()))?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(Unproven::Status { path: path.to_owned(), status: status.as_u16() }),
    }
}

fn health(path: &str, pool: &Pool) -> Result<Request<Upload>, hyper::http::Error> {
    let host =
        HeaderValue::from_str(&pool.upstream.to_string()).ok().filter(|host| !host.as_bytes().starts_with(b"unix:"));
    let host = host.unwrap_or(HeaderValue::from_static("localhost"));
    Request::get(path).header(HOST, host).header("user-agent", "mainstay").body(Upload::empty())
}

/// Goes on trying to reach a copy that was live and went away, and has requests sent there again when it is back.
pub(crate) fn seek(shared: &Arc<Shared>, pool: &Arc<Pool>) {
    if pool.sought.swap(true, Ordering::Relaxed) || !shared.board().is_proving(pool.generation) {
        return;
    }
    let text = format!("{} cannot be reached; requests wait", pool.upstream);
    shared.journal.note(Event::new("proxy.away", text).level(Level::Warn).with("upstream", pool.upstream.to_string()));
    let (shared, pool) = (shared.clone(), pool.clone());
    tokio::spawn(async move {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        // Who was replaced meanwhile is not looked for any longer.
        while shared.board().is_proving(pool.generation) {
            if ask(&shared, &pool, None).await.is_ok() {
                pool.sought.store(false, Ordering::Relaxed);
                if shared.promote(&pool, shared.settings.drain).is_ok() {
                    told_back(&shared, &pool, begun.elapsed());
                }
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        pool.sought.store(false, Ordering::Relaxed);
    });
}

fn told_back(shared: &Shared, pool: &Pool, after: Duration) {
    let text = format!("{} is back after {}; requests go there again", pool.upstream, report::seconds(after));
    shared.journal.note(Event::new("proxy.back", text).with("upstream", pool.upstream.to_string()));
}
