//! Flags of `logs`.

use super::{LogLevel, Place};
use clap::Args;

/// Flags of `logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Whose lines [default: those of all services]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Go on with what is being written, until Ctrl-C
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// The last lines only [default: all; 10 with -f]
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) lines: Option<usize>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Not after this time
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub(crate) until: Option<String>,
    /// Lines in which this regular expression is found
    #[arg(long, value_name = "REGEX")]
    pub(crate) grep: Option<String>,
    /// Lines that show at least this level: debug, info, warn or error
    #[arg(long, value_enum, value_name = "LEVEL", hide_possible_values = true)]
    pub(crate) level: Option<LogLevel>,
    /// The same as --level error
    #[arg(long, conflicts_with = "level")]
    pub(crate) errors: bool,
    /// Lines of this release
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Option<String>,
    /// The own log of this database's server, if it runs on this machine
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// One JSON object a line, as it stands in the files
    #[arg(long)]
    pub(crate) json: bool,
}
