//! What the proxy is told about how to work.

use crate::{block::Block, headers::Trust, traffic::Bounds};
use hyper::header::{HeaderName, HeaderValue};
use std::time::Duration;

/// How the proxy works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many requests wait while nobody is live, and how long.
    pub hold: Bounds,
    /// So long a copy that is live no more may finish what it has.
    pub drain: Duration,
    /// Whether what requests say about their own way is believed.
    pub trust: Trust,
    /// Paths that are not there.
    pub block: Block,
    /// Headers that every answer gets which does not have them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long things may take.
    pub times: Times,
    /// How much is taken.
    pub limits: Limits,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until the head of a request is there; also of the next one on a connection that is kept open.
    pub head: Duration,
    /// Until a TLS handshake is done.
    pub handshake: Duration,
    /// Until the application accepts a connection.
    pub connect: Duration,
    /// Without a byte to or from the application while it answers; tunnels may be silent for ever.
    pub silence: Duration,
    /// Without a byte that whoever asks takes of an answer.
    pub write: Duration,
}

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections of each listener; who comes later waits in its queue.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold: Bounds { requests: 1000, time: Duration::from_secs(30) },
            drain: Duration::from_secs(30),
            trust: Trust::default(),
            block: Block::default(),
            headers: Vec::new(),
            times: Times {
                head: Duration::from_secs(30),
                handshake: Duration::from_secs(10),
                connect: Duration::from_secs(5),
                silence: Duration::from_secs(60),
                write: Duration::from_secs(60),
            },
            limits: Limits { connections: 10_000, head: 64 * 1024, streams: 200 },
        }
    }
}

/// Headers that tell browsers to be careful; for pages over TLS.
pub fn secure_headers() -> Vec<(HeaderName, HeaderValue)> {
    [
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ]
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .to_vec()
}

/// The headers of every answer: those of `texts`, each `Name: value`; over TLS also the careful ones that are not among them.
///
/// # Errors
/// When one is no header, or belongs to a connection rather than to an answer.
pub fn answer_headers(texts: &[String], over_tls: bool) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut headers = texts.iter().map(|text| answer_header(text)).collect::<Result<Vec<_>, _>>()?;
    if over_tls {
        let own: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
        headers.extend(secure_headers().into_iter().filter(|(name, _)| !own.contains(name)));
    }
    Ok(headers)
}

fn answer_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = config::answer_header(text)?;
    let wrong = || format!("`{text}` is no header");
    Ok((name.parse().map_err(|_| wrong())?, value.parse().map_err(|_| wrong())?))
}
