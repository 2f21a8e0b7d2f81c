//! What is said of releases of the application beside the one that serves.

use super::{Change, ReloadedJobs};
use serde::{Deserialize, Serialize};

/// Which release is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generation {
    /// Its id.
    pub release: String,
    /// How long the one before may finish what it has begun, in seconds; nothing: as each service's own `grace` says.
    pub drain_s: Option<f64>,
}

/// What is told of a candidate, piece by piece; one of these. The connection stays open behind the last one: who closes it has
/// the candidate stopped, unless it was promoted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CandidateTold {
    /// This service was started beside the one that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// This one is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// The last piece: how it stands with all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
}

/// A release beside the one that serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// Its id.
    pub release: String,
    /// All of its services that run beside the others are ready.
    pub ready: bool,
    /// Why they are not.
    pub cause: Option<String>,
    /// Those services, with the last lines that they wrote.
    pub services: Vec<Change>,
    /// Services that are stopped and started at the promotion, for two of them must not, or may not, run at once.
    pub later: Vec<String>,
    /// Where each service of it can be asked before it is promoted.
    pub doors: Vec<Door>,
}

/// Where a candidate can be asked: at the address of the service, by connections from an address that leads to it alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Door {
    /// The service.
    pub service: String,
    /// The address at which it is asked.
    pub address: String,
    /// The address to ask from; nothing where the candidate has an address of its own, or shares the socket of the one that serves.
    pub from: Option<String>,
    /// Nobody else answers there.
    pub private: bool,
}

/// What became of a promotion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Promoted {
    /// The release that serves from now on.
    pub release: String,
    /// The one before, where that is known.
    pub before: Option<String>,
    /// All services are ready, or have done their work.
    pub ready: bool,
    /// Why they are not.
    pub cause: Option<String>,
    /// Services whose candidates have taken over.
    pub switched: Vec<String>,
    /// Services that were stopped, then started.
    pub swapped: Vec<Swapped>,
    /// Services that there were none of before.
    pub added: Vec<String>,
    /// Services that are no more.
    pub removed: Vec<String>,
    /// The same of jobs.
    pub jobs: ReloadedJobs,
    /// How long those before took to finish, in milliseconds.
    pub drained_ms: f64,
    /// Services whose processes before had not finished in time and were killed.
    pub late: Vec<String>,
    /// Services that are not ready, with the last lines that they wrote.
    pub failed: Vec<Change>,
    /// What changed and has no effect before the next start of mainstay.
    pub later: Vec<String>,
}

/// A service that was stopped, then started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Swapped {
    /// Its name.
    pub service: String,
    /// From the end of the one before until the new one was ready, in milliseconds; nothing when it is not.
    pub gap_ms: Option<f64>,
}

/// What became of a candidate that is not wanted any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Discarded {
    /// Its id; nothing when there was none.
    pub release: Option<String>,
    /// Its services, which are gone.
    pub services: Vec<String>,
}
