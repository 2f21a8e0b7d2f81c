//! What is meant by `[health]`.

use std::net::SocketAddr;

/// mainstay's own health endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where `/healthz`, `/readyz` and their aliases are answered; nothing to switch them off.
    pub listen: Option<SocketAddr>,
    /// A plain TCP port that accepts and closes while the application is not critical.
    pub tcp: Option<SocketAddr>,
    /// Where `/metrics` is answered.
    pub metrics: Metrics,
    /// The application's version, shown as `version`.
    pub version: Option<String>,
}

/// Where `/metrics` is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    #[default]
    Off,
    /// Beside the health pages.
    WithHealth,
    /// On an address of its own.
    Own(SocketAddr),
}
