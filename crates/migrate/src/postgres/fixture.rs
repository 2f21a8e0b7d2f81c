//! A cluster and sessions with it, for the tests of this crate's own parts.

use config::dsn::{PostgresDsn, Surroundings, postgres::parse};
use database::postgres::{Session, connect};
use std::time::Duration;
use testkit::Cluster;
use tokio::time::{Instant, sleep};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A cluster of one test.
pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
}

impl Bench {
    pub(crate) fn start() -> Self {
        Self::with(Cluster::start())
    }

    pub(crate) fn with(cluster: Cluster) -> Self {
        Self { cluster }
    }

    pub(crate) async fn open(&self, name: &str) -> Session {
        self.open_as("postgres", name).await
    }

    pub(crate) async fn open_as(&self, user: &str, name: &str) -> Session {
        let dsn = PostgresDsn { user: user.into(), ..dsn(self.cluster.port()) };
        connect(&dsn, name, LIMIT).await.unwrap()
    }

    /// By another way, through a pooler for instance.
    pub(crate) async fn open_at(&self, port: u16, name: &str) -> Session {
        connect(&dsn(port), name, LIMIT).await.unwrap()
    }
}

/// The database `postgres` behind a port of this machine.
pub(crate) fn dsn(port: u16) -> PostgresDsn {
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
    parse(&url, &Surroundings::default()).unwrap()
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not after {LIMIT:?}");
        sleep(Duration::from_millis(5)).await;
    }
}
