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
    /// Answers over TLS, with the certificate of this place.
    pub tls: Option<Tls>,
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

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Somebody puts it into files. Absolute.
    Files {
        /// The certificate and those above it.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// It is asked for, and renewed in time.
    Acme(Acme),
}

/// A certificate by ACME (RFC 8555), proven over HTTP (`http-01`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The names it is for. Never empty, in small letters, none twice.
    pub domains: Vec<String>,
    /// Whom the authority may write to.
    pub email: Option<String>,
    /// The authority's directory, an `https` URL.
    pub directory: String,
    /// The certificate that the authority's own server is trusted by. Absolute; nothing for those of the system.
    pub root: Option<PathBuf>,
}

impl Proxy {
    /// Where this machine comes to it without TLS; nothing where it answers over TLS alone.
    pub fn plain_door(&self) -> Option<SocketAddr> {
        self.listen.first().filter(|_| self.tls.is_none()).map(|address| reachable(*address))
    }
}
