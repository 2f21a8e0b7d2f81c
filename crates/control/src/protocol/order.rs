//! What shall be done, and what became of it.

use super::{Dependency, Service};
use serde::{Deserialize, Serialize};

/// What shall be done with services.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Which; none for all.
    pub services: Vec<String>,
    /// How long to wait until it is carried out, in seconds.
    pub timeout_s: Option<f64>,
}

/// What became of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// Each service that was meant.
    pub services: Vec<Change>,
    /// The databases and other dependencies now.
    pub dependencies: Vec<Dependency>,
    /// The health of the whole application now.
    pub health: String,
}

/// What became of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// How it is now.
    pub service: Service,
    /// How that is to be taken.
    pub settled: Settled,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// The last lines that it wrote, oldest first.
    pub lines: Vec<String>,
}

/// How an order ended for a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// It is as it was wanted.
    Done,
    /// It waits for a dependency that is down.
    Parked,
    /// It has failed.
    Failed,
    /// The time was up before it was as it was wanted.
    #[default]
    #[serde(other)]
    NotYet,
}

/// mainstay stops everything and ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Down {
    /// The application.
    pub app: String,
    /// Its process, to wait for.
    pub pid: u32,
}

/// What is wished of another program that shall take over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Takeover {
    /// How long to wait for what has to end first, in seconds; a minute when nothing is said.
    pub timeout_s: Option<f64>,
}

/// Another program takes over: it has been asked, and can.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reexec {
    /// The application.
    pub app: String,
    /// Its process, which stays.
    pub pid: u32,
    /// The version that hands over.
    pub from: String,
    /// The version that takes over.
    pub to: String,
    /// What [`Status::generation`](super::Status::generation) is once it has.
    pub generation: u64,
    /// The services, none of which is touched.
    pub services: Vec<String>,
}

/// What a reload has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reloaded {
    /// Services that are as before.
    pub unchanged: Vec<String>,
    /// Services that are started anew as they are now.
    pub changed: Vec<String>,
    /// New services.
    pub added: Vec<String>,
    /// Services that are no more.
    pub removed: Vec<String>,
    /// The same of jobs.
    pub jobs: ReloadedJobs,
    /// What changed and has no effect before the next start.
    pub later: Vec<String>,
}

/// What a reload means for jobs. Runs at work are not touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReloadedJobs {
    /// Jobs that are as before.
    pub unchanged: Vec<String>,
    /// Jobs that are run as they are now from the next time on.
    pub changed: Vec<String>,
    /// New jobs.
    pub added: Vec<String>,
    /// Jobs that are no more.
    pub removed: Vec<String>,
}
