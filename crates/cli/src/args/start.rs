//! Flags of the verbs that wait for databases, and start something then.

use super::Place;
use clap::Args;
use std::time::Duration;

/// How long and how often to wait. Values are parsed with the configuration, so that all problems are told at once.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Patience {
    /// Give up after this long: 60s, 5m [default: 60s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) timeout: Option<String>,
    /// Give up after this many attempts
    #[arg(long, value_name = "N")]
    pub(crate) attempts: Option<String>,
    /// Wait this long between attempts [default: growing from 200ms to 5s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) interval: Option<String>,
    /// What databases must allow: read-write or read-only [default: read-write]
    #[arg(long, value_name = "ACCESS")]
    pub(crate) access: Option<String>,
}

/// Flags of `up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Start only the services of this role
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// In the background: waits until everything is up, then leaves it alone
    #[arg(long, short, conflicts_with = "dry_run")]
    pub(crate) detach: bool,
    /// With --detach: wait no longer than this [default: 2m]
    #[arg(long, value_name = "SPAN", value_parser = config::parse_duration)]
    pub(crate) wait: Option<Duration>,
    /// Print the plan, check everything, start nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: the report as JSON
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A database to wait for; the first one is migrated [default: DATABASE_URL, PG*, DB_*, POSTGRES_*]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Vec<String>,
    /// Something else that the command needs; may be given several times
    #[arg(long, value_name = "URL")]
    pub(crate) need: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Apply the .sql files of this directory
    #[arg(long, value_name = "DIR", conflicts_with = "migrate")]
    pub(crate) dir: Option<String>,
    /// Migrate by this command
    #[arg(long, value_name = "COMMAND")]
    pub(crate) migrate: Option<String>,
    /// Do not start the command when the gate or the migrations fail (the default)
    #[arg(long, conflicts_with = "degraded")]
    pub(crate) strict: bool,
    /// Start the command even when the gate or the migrations fail; health says degraded
    #[arg(long)]
    pub(crate) degraded: bool,
    /// How the health of the command is told: /health on $PORT, or a URL
    #[arg(long, value_name = "PATH|URL")]
    pub(crate) health: Option<String>,
    /// Answer /healthz and /readyz here
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_listen: Option<String>,
    /// A plain TCP health port
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health_tcp: Option<String>,
    /// Answer /metrics: `on` beside health, or an address of its own
    #[arg(long, value_name = "on|ADDRESS")]
    pub(crate) metrics: Option<String>,
    /// When to start the command again after it ended: never, on-failure or always [default: never]
    #[arg(long, value_name = "WHEN")]
    pub(crate) restart: Option<String>,
    /// Time from the polite signal until KILL [default: 30s]
    #[arg(long, value_name = "SPAN")]
    pub(crate) grace: Option<String>,
    /// Wait this long before the command is started
    #[arg(long, value_name = "SPAN")]
    pub(crate) start_delay: Option<String>,
    /// Read variables from this file; may be given several times [default: .env, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<String>,
    /// Where locks and other mutable files go [default: data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Print the plan, check everything, start nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: the report as JSON
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// Flags of `wait`.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// What to wait for [default: the databases and dependencies of mainstay.toml]
    #[arg(value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// The same as a URL; may be given several times
    #[arg(long, value_name = "URL")]
    pub(crate) database: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Then wait until the migrations of this release are applied, or those up to VERSION; applies none
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true, default_missing_value = "current")]
    pub(crate) schema: Option<String>,
    /// With --schema: the directory of .sql files [default: that of mainstay.toml]
    #[arg(long, value_name = "DIR", requires = "schema")]
    pub(crate) migrations: Option<String>,
    /// Do not print a line for each try
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Executed when everything is ready
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}
