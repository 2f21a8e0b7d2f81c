//! What people ask of a running mainstay: HTTP and JSON over a Unix socket, for every verb that looks or acts.
//!
//! # Theory of operation
//!
//! The [server](serve) answers whoever connects, if that is our user or root: the socket has the mode 0600, and the
//! kernel tells who is at the other end. It knows the supervisor only as a [`Daemon`]. The [`Client`] asks one question
//! over one connection. A question is answered when it has been carried out, so that "restarted" is said of a service
//! that is ready again.
//!
//! # Versions
//!
//! Both sides tell in each header which [protocol](PROTOCOL) they speak and which mainstay they are. Within a protocol
//! answers only grow: readers ignore what they do not know and take what is missing for its default. A question that
//! the other side does not know, or another protocol, is refused by a sentence with both versions.
//!
//! # Hostile input
//!
//! A request has 64 KiB at most and ten seconds to arrive, announced or in chunks without end; 64 connections are held
//! at once. Nothing of a request is kept.

mod ask;
mod client;
mod daemon;
mod jobs;
mod lease;
mod protocol;
mod refusal;
mod server;
mod stream;

pub use ask::{Ask, Verb};
pub use client::{Answer, AskError, Client};
pub use daemon::Daemon;
pub use jobs::{Job, JobRun, RunTold, What};
pub use lease::Lease;
pub use protocol::{
    Asked, Backup, Candidate, CandidateTold, Certificate, Change, Dependency, Discarded, Disk, Done, Door, Down, Event,
    Events, Fault, Generation, Journal, LastExit, Migrations, Order, PROTOCOL, Promoted, Ps, Reexec, Reloaded,
    ReloadedJobs, Service, Settled, Status, Swapped, Takeover, Usage, VERSION, Why, span,
};
pub use refusal::{Place, Problem, Refusal};
pub use server::serve;
