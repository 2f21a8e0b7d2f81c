//! What may be typed after `schedule`.

use super::Place;
use clap::{Args, Subcommand};

/// Flags of `schedule`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    pub(crate) verb: Option<ScheduleVerb>,
    /// Show this job alone
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How many runs to show, of those that were and of those to come
    #[arg(short = 'n', value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) number: u16,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// The verbs of `schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleVerb {
    /// Run one job here and now, once what it needs is ready; ends with its exit code
    #[command(after_help = "Example: mainstay schedule run retrain")]
    Run(ScheduleRun),
}

/// Flags of `schedule run`.
#[derive(Debug, Args)]
pub(crate) struct ScheduleRun {
    /// The job
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: Place,
}
