//! Flags of the verbs that tell what is remembered.

use super::{LogLevel, Place};
use clap::Args;

/// Flags of `events`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// The last so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    pub(crate) number: usize,
    /// Go on telling what happens
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub(crate) until: Option<String>,
    /// About this service, job or database; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Vec<String>,
    /// Called so, or so before the dot: `health`, `service.exited`; may be given several times
    #[arg(long, value_name = "EVENT")]
    pub(crate) name: Vec<String>,
    /// This regular expression is found in the sentence
    #[arg(long, value_name = "REGEX")]
    pub(crate) grep: Option<String>,
    /// At least of this level: debug, info, warn or error
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "info", hide_possible_values = true)]
    pub(crate) level: LogLevel,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer as JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `timeline`.
#[derive(Debug, Args)]
pub(crate) struct Timeline {
    /// The number of a start, or a day such as 2026-11-24, `today` or `yesterday` [default: the last start]
    #[arg(value_name = "START|DAY")]
    pub(crate) which: Option<String>,
    /// The same as a day
    #[arg(long, value_name = "DAY", conflicts_with = "which")]
    pub(crate) day: Option<String>,
    /// List the starts
    #[arg(long, conflicts_with_all = ["which", "day"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `history`.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Databases, services or places [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Not before this time
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub(crate) since: String,
    /// Not after this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// By the minute, as long as events are kept, instead of by the hour
    #[arg(long)]
    pub(crate) minutes: bool,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
