//! The health pages, answered from the first moment.

use super::World;
use config::Metrics;
use health::http::Pages;
use report::{Event, Finding, Journal, Level};
use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::task::JoinSet;

/// Answers until dropped.
pub(super) struct Serving {
    _tasks: JoinSet<()>,
}

/// Binds all that is configured, then answers; binds nothing for good when one of them fails.
pub(super) fn serve(world: &Arc<World>) -> Result<Serving, Finding> {
    let health = &world.app.health;
    let pages = if health.metrics == Metrics::WithHealth { Pages::HealthAndMetrics } else { Pages::Health };
    let mut tasks = JoinSet::new();
    for (address, what, pages) in
        [(health.listen, "health", Some(pages)), (health.tcp, "health.tcp", None), own_metrics(world)]
    {
        let Some(address) = address else { continue };
        let listener = bind(address, what)?;
        let board = world.board.clone();
        match pages {
            Some(pages) => tasks.spawn(told(world.clone(), what, health::http::serve(listener, board, pages))),
            None => tasks.spawn(told(world.clone(), what, health::tcp::serve(listener, board))),
        };
    }
    Ok(Serving { _tasks: tasks })
}

fn own_metrics(world: &World) -> (Option<SocketAddr>, &'static str, Option<Pages>) {
    match world.app.health.metrics {
        Metrics::Own(address) => (Some(address), "health.metrics", Some(Pages::Metrics)),
        Metrics::Off | Metrics::WithHealth => (None, "", None),
    }
}

fn bind(address: SocketAddr, what: &str) -> Result<TcpListener, Finding> {
    host::net::bind_tcp(address).map_err(|error| {
        Finding::error(format!("`{what}` cannot listen on {address}"))
            .because(&error)
            .hint("free the port, or choose another one in `[health]`")
    })
}

/// A page that cannot be served any more is told, and ends nothing else.
async fn told(world: Arc<World>, what: &'static str, serving: impl Future<Output = io::Result<()>>) {
    if let Err(error) = serving.await {
        let text = format!("`{what}` is not answered any more: {error}");
        world.journal.note(Event::new("health.lost", text).level(Level::Error));
    }
}
