//! A release beside the one that serves: its services that may overlap are started beside the others, looked at, and take their places
//! when it is promoted; the others are stopped, then started.
//!
//! - The release that serves is not touched before the promotion, whatever becomes of the candidate.
//! - At most one candidate at a time, and none while the one before is still finishing what it had begun.
//! - Nothing of an exclusive service is started before its old process is gone ([`Fate::Yields`](crate::member::Fate)).
//! - What can fail (a socket that cannot be bound) fails when the candidate is begun.

mod begin;
mod beside;
mod promote;

pub(crate) use beside::{Leaving, Others};

use crate::{listen::ListenError, member::Member, outfit::Outfit, status::ServiceStatus};
use config::Service;
use host::Env;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use tokio::time::Instant;

/// Other services than those that run, each after those it starts after, with what they are run with.
pub struct Generation {
    /// All of them.
    pub services: Vec<Service>,
    /// What each gets besides its own variables.
    pub base_env: Env,
    /// What they are run with; the lines, the journal and the checks of two generations can be told apart by that.
    pub outfit: Outfit,
}

/// What was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Services that are started beside those that run.
    pub beside: Vec<Doorway>,
    /// Services that have to wait for the promotion.
    pub later: Vec<String>,
}

/// Where a candidate is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doorway {
    /// The service.
    pub service: String,
    /// The address that mainstay listens on for it, or the port of its own; nothing when it has neither.
    pub address: Option<SocketAddr>,
    /// Only who comes from [`host::net::PREVIEW`] gets there.
    pub led: bool,
    /// The socket is that of the service that runs: either of them answers.
    pub shared: bool,
}

/// What a promotion has begun to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promotion {
    /// Candidates have taken the places of these.
    pub switched: Vec<String>,
    /// These are stopped, and started when nobody is left of them.
    pub swapped: Vec<String>,
    /// There were none of these.
    pub added: Vec<String>,
    /// These are stopped and forgotten.
    pub removed: Vec<String>,
}

/// Who is there besides the services that serve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// Services of the candidate.
    pub candidates: Vec<ServiceStatus>,
    /// Services that were replaced, and finish what they have begun.
    pub leaving: Vec<ServiceStatus>,
    /// Those of them that were gone since the last promotion, as they were last.
    pub gone: Vec<ServiceStatus>,
    /// By service, when the process before it ended whose place it has taken.
    pub ended_before: BTreeMap<String, Instant>,
}

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum CandidateError {
    /// There are more than one generation already.
    #[error("a release is beside the one that serves already, or the one before has not ended yet")]
    Another,
    /// There is none.
    #[error("no release is beside the one that serves")]
    None,
    /// It is not ready.
    #[error("{} not ready", is(.services))]
    Unready {
        /// Which of its services are not.
        services: Vec<String>,
    },
    /// A new socket could not be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The services are not started yet, or being stopped.
    #[error("the services are not started yet, or are being stopped")]
    NotRunning,
}

fn is(services: &[String]) -> String {
    let names: Vec<_> = services.iter().map(|name| format!("`{name}`")).collect();
    format!("{} {}", names.join(", "), if services.len() == 1 { "is" } else { "are" })
}

/// The candidate.
pub(crate) struct Candidacy {
    /// Those that run beside the others.
    pub(crate) members: Vec<Member>,
    /// Those that come at the promotion.
    pub(crate) later: Vec<Member>,
    /// All of them, in the order in which they are started.
    pub(crate) order: Vec<String>,
    pub(crate) outfit: Arc<Outfit>,
    /// Nobody wants it any more.
    pub(crate) discarded: bool,
}
