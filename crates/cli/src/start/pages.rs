//! The health pages, answered from the first moment.

use super::{World, webhook::Deliveries};
use config::Metrics;
use health::http::{Hook, Pages, Served};
use host::handover::Handing;
use report::{Event, Finding, Journal, Level};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    os::fd::{OwnedFd, RawFd},
    sync::Arc,
};
use tokio::task::JoinSet;

/// Answers until dropped.
pub(super) struct Serving {
    _tasks: JoinSet<()>,
    /// What is answered on, by the name of its key.
    sockets: BTreeMap<&'static str, OwnedFd>,
}

impl Serving {
    /// The sockets for the next version of mainstay.
    pub(super) fn hand_over(&self, all: &mut Handing) -> BTreeMap<String, RawFd> {
        self.sockets.iter().map(|(what, socket)| ((*what).to_owned(), all.put(socket))).collect()
    }
}

/// Binds all that is configured and was not `handed` over, then answers; binds nothing for good when one of them fails.
pub(super) fn serve(world: &Arc<World>, mut handed: BTreeMap<String, OwnedFd>) -> Result<Serving, Finding> {
    let health = &world.app.health;
    let pages = if health.metrics == Metrics::WithHealth { Pages::HealthAndMetrics } else { Pages::Health };
    let hook = Deliveries::begin(world);
    let of_hook = hook.as_ref().and_then(|hook| hook.listen());
    let (mut tasks, mut sockets) = (JoinSet::new(), BTreeMap::new());
    for (address, what, pages) in [
        (health.listen, "health", Some(pages)),
        (health.tcp, "health.tcp", None),
        own_metrics(world),
        (of_hook, "webhook", Some(Pages::Nothing)),
    ] {
        let Some(address) = address else { continue };
        let listener = match handed.remove(what) {
            Some(socket) => TcpListener::from(socket),
            None => bind(address, what)?,
        };
        // One that cannot be copied, for there are no descriptors left, is bound anew by who comes next.
        sockets.extend(listener.try_clone().map(|listener| (what, OwnedFd::from(listener))));
        let (board, door) = (world.board.clone(), world.passage.looking.clone());
        let hook = hook.clone().filter(|_| what == if of_hook.is_some() { "webhook" } else { "health" });
        let hook = hook.map(|hook| hook as Arc<dyn Hook>);
        match pages {
            Some(pages) => {
                let served = Served { board, pages, hook };
                tasks.spawn(told(world.clone(), what, health::http::serve(listener, served, door)))
            }
            None => tasks.spawn(told(world.clone(), what, health::tcp::serve(listener, board))),
        };
    }
    Ok(Serving { _tasks: tasks, sockets })
}

fn own_metrics(world: &World) -> (Option<SocketAddr>, &'static str, Option<Pages>) {
    match world.app.health.metrics {
        Metrics::Own(address) => (Some(address), "health.metrics", Some(Pages::Metrics)),
        Metrics::Off | Metrics::WithHealth => (None, "", None),
    }
}

fn bind(address: SocketAddr, what: &str) -> Result<TcpListener, Finding> {
    host::net::bind_tcp(address).map_err(|error| {
        Finding::error(format!("`{what}` cannot listen on {address}")).because(&error).hint(match what {
            "webhook" => "free the port, or choose another one in `[deploy.webhook]`",
            _ => "free the port, or choose another one in `[health]`",
        })
    })
}

/// A page that cannot be served any more is told, and ends nothing else.
async fn told(world: Arc<World>, what: &'static str, serving: impl Future<Output = io::Result<()>>) {
    if let Err(error) = serving.await {
        let text = format!("`{what}` is not answered any more: {error}");
        world.journal.note(Event::new("health.lost", text).level(Level::Error));
    }
}
