//! What is said on the control socket.

use crate::{
    offered::{Look, Offered},
    proxy::{Proxy, Switched},
    switchboard::Subject,
    traffic::{Flight, Stage, Ticket},
};
use config::Upstream;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// So many requests are shown one by one, the oldest first.
const SHOWN: usize = 100;

/// The order to switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Where to, as [`Upstream`] is read.
    pub to: String,
    /// A path that must be answered with 2xx first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Seconds until the new one must answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_s: Option<f64>,
    /// Seconds until the old one is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_s: Option<f64>,
}

/// The proxy at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Do requests wait because somebody wants so?
    pub held: bool,
    /// How many wait.
    pub waiting: usize,
    /// Requests that were answered so far.
    pub answered: u64,
    /// Requests that the application failed so far.
    pub failed: u64,
    /// Copies of the application, the oldest first.
    pub backends: Vec<BackendView>,
    /// What waits or is on its way; the first hundred.
    pub in_flight: Vec<FlightView>,
    /// The certificate that is shown; nothing where TLS is not offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Look>,
    /// What a switch came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched: Option<SwitchedView>,
}

/// A copy of the application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendView {
    /// Its address.
    pub address: String,
    /// `proving`, `live` or `draining`.
    pub state: String,
    /// Requests on their way through it.
    pub in_flight: usize,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlightView {
    /// Its number.
    pub id: u64,
    /// Its method.
    pub method: String,
    /// Its path; values in its query are left out, for they may be secrets.
    pub path: String,
    /// Seconds since it came.
    pub since_s: f64,
    /// Who answers it; nobody yet when it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
}

/// What a switch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchedView {
    /// Who was live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Who is.
    pub to: String,
    /// Seconds until it was proven.
    pub proven_s: f64,
    /// Seconds from then until the old one had nothing left.
    pub drained_s: f64,
    /// Requests that were cut off.
    pub cut: usize,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// What is wrong.
    pub error: String,
    /// What was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

impl View {
    /// The proxy as it is now.
    pub fn of(proxy: &Proxy) -> Self {
        let (shared, now) = (proxy.shared(), Instant::now());
        let board = shared.board();
        let mut in_flight: Vec<_> = board.traffic.waiting().map(|(id, flight)| shown(id, flight, now, None)).collect();
        let mut backends = Vec::new();
        for pool in &board.pools {
            let Some(stage) = board.traffic.stage(pool.generation) else { continue };
            let flights = board.traffic.flights(pool.generation);
            backends.push(BackendView {
                address: pool.upstream.to_string(),
                state: state(stage).to_owned(),
                in_flight: board.traffic.flights(pool.generation).count(),
            });
            in_flight.extend(flights.take(SHOWN).map(|(id, flight)| shown(id, flight, now, Some(&pool.upstream))));
        }
        in_flight.sort_by_key(|flight| flight.id);
        in_flight.truncate(SHOWN);
        Self {
            held: board.traffic.held(),
            waiting: board.traffic.waiting().len(),
            answered: shared.answered.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed),
            backends,
            in_flight,
            certificate: proxy.offered().map(Offered::look),
            switched: None,
        }
    }
}

impl From<&Switched> for SwitchedView {
    fn from(switched: &Switched) -> Self {
        Self {
            from: switched.from.as_ref().map(Upstream::to_string),
            to: switched.to.to_string(),
            proven_s: switched.proven_after.as_secs_f64(),
            drained_s: switched.drained_after.as_secs_f64(),
            cut: switched.cut,
        }
    }
}

fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::Proving => "proving",
        Stage::Live => "live",
        Stage::Draining(_) => "draining",
    }
}

fn shown(id: Ticket, flight: &Flight<Subject>, now: Instant, backend: Option<&Upstream>) -> FlightView {
    FlightView {
        id: id.0,
        method: flight.subject.method.to_string(),
        path: without_values(flight.subject.uri.path(), flight.subject.uri.query()),
        since_s: now.saturating_duration_since(flight.since).as_secs_f64(),
        backend: backend.map(Upstream::to_string),
    }
}

/// `/reset?token=…`: names show what was asked, values may be secrets.
fn without_values(path: &str, query: Option<&str>) -> String {
    let Some(query) = query else { return path.to_owned() };
    let names = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => format!("{name}=…"),
        // Without a name it is all value.
        None => "…".to_owned(),
    });
    format!("{path}?{}", names.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S2.9: a secret never shows.
    #[test]
    fn values_of_a_query_are_left_out() {
        assert_eq!(without_values("/reset", Some("token=s3cret&user=ada&x")), "/reset?token=…&user=…&…");
        assert_eq!(without_values("/", None), "/");
    }
}
