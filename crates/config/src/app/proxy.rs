//! Requests are taken for a service.

use crate::value::reachable;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Requests are taken for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Where. Never empty.
    pub listen: Vec<SocketAddr>,
    /// The service, one of [`App::services`](crate::App::services) with a port of its own.
    pub to: String,
    /// The files of certificate and key; over TLS then. Absolute.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where whoever comes is sent to HTTPS.
    pub redirect: Vec<SocketAddr>,
    /// So many requests wait while the service is away…
    pub hold_requests: usize,
    /// …so long each.
    pub hold_time: Duration,
    /// So long requests may take to finish.
    pub drain: Duration,
    /// So long the service may say nothing.
    pub silence: Duration,
    /// Paths that are not there; nothing for the usual ones.
    pub block: Option<Vec<String>>,
    /// Headers for every answer, as `Name: value`.
    pub headers: Vec<String>,
    /// What requests say about their own way is believed.
    pub trust_forwarded: bool,
}

impl Proxy {
    /// Where this machine comes to it without TLS; nothing where it answers over TLS alone.
    pub fn plain_doors(&self) -> impl Iterator<Item = SocketAddr> {
        self.listen.iter().filter(|_| self.tls.is_none()).map(|address| reachable(*address))
    }
}
