//! Flags of the verbs that ask a running mainstay.

use super::Place;
use clap::Args;
use std::time::Duration;

/// Flags of `ps`, `status` and `reload`.
#[derive(Debug, Args)]
pub(crate) struct Look {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `why`.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The service, or the job
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Flags of `restart`, `start` and `stop`.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// The services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Wait no longer than this until it is done [default: by the services' own grace and start_timeout]
    #[arg(long, value_name = "SPAN", value_parser = config::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Flags of `reexec`.
#[derive(Debug, Args)]
pub(crate) struct Reexec {
    /// Wait no longer than this for what has to end first, as an order or a release at work
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = config::parse_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Flags of `run-now`.
#[derive(Debug, Args)]
pub(crate) struct RunNow {
    /// The job
    #[arg(value_name = "JOB")]
    pub(crate) job: String,
    /// Only have it begun: do not wait for its end
    #[arg(long, short)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Flags of `down`.
#[derive(Debug, Args)]
pub(crate) struct Down {
    /// Wait no longer than this until it is gone
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = config::parse_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// Flags of `top`.
#[cfg(feature = "top")]
#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Begin with the lines of this service; may be given several times
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Vec<String>,
}
