//! What may be typed. Every verb has an example.

mod backup;
mod control;
mod env;
mod journal;
mod logs;
mod migrate;
mod proxy;
mod release;
mod schedule;
mod server;
mod start;
mod typed;

pub(crate) use backup::{
    Backup, BackupKey, BackupList, BackupNow, BackupPrune, BackupVacuum, BackupVerify, Backups, KeyKit, NewKey, Open,
    Restore,
};
#[cfg(feature = "top")]
pub(crate) use control::Top;
pub(crate) use control::{Down, Look, Order, Reexec, RunNow, Why};
pub(crate) use env::{Env, EnvFiles};
pub(crate) use journal::{Events, History, Timeline};
pub(crate) use logs::Logs;
#[cfg(feature = "lint")]
pub(crate) use migrate::MigrateLint;
pub(crate) use migrate::{
    Migrate, MigrateApply, MigrateBaseline, MigrateDown, MigrateDump, MigrateNew, MigrateRepair, MigrateStatus,
    MigrateUp, Migrations, Rehearse,
};
pub(crate) use proxy::{Asked, Proxy, ProxyVerb, Serve, Switch};
pub(crate) use release::{Deploy, Releases, ReleasesVerb, Rollback};
pub(crate) use schedule::{Schedule, ScheduleRun, ScheduleVerb};
pub(crate) use server::{Hook, Server, ServerInit};
pub(crate) use start::{Patience, Run, Up, Wait};
pub(crate) use typed::bad_value;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What every verb has comes after what it has of its own.
const LAST: usize = 900;

/// Carries a database-backed service from git push to healthy, and keeps it there
#[derive(Debug, Parser)]
#[command(name = "mainstay", version, disable_help_subcommand = true, max_term_width = 110)]
#[command(
    after_help = "Example: mainstay up --dir examples/booking\n\nExit codes: 0 done, 1 failed, 2 used or configured wrongly, 3 could not check or degraded, \
                        75 not yet (the gate timed out), 130 interrupted"
)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// How to write events: human, logfmt or json [default: human on a terminal, logfmt elsewhere]
    #[arg(long, global = true, value_enum, env = "MAINSTAY_LOG_FORMAT", value_name = "FORMAT")]
    #[arg(display_order = LAST, hide_possible_values = true, hide_env_values = true)]
    pub(crate) log_format: Option<LogFormat>,
    /// The least level that is written: debug, info, warn or error
    #[arg(long, global = true, value_enum, env = "MAINSTAY_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    #[arg(display_order = LAST, hide_possible_values = true, hide_env_values = true)]
    pub(crate) log_level: LogLevel,
}

impl From<LogLevel> for report::Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => report::Level::Debug,
            LogLevel::Info => report::Level::Info,
            LogLevel::Warn => report::Level::Warn,
            LogLevel::Error => report::Level::Error,
        }
    }
}

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One sentence a line
    Human,
    /// key=value pairs
    Logfmt,
    /// One object a line
    Json,
}

/// The least level that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// All there is
    Debug,
    /// The ordinary course
    Info,
    /// What somebody should look at
    Warn,
    /// What does not work
    Error,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Wait for the databases, migrate, start the services and keep them up
    #[command(after_help = "Example: mainstay up --dir examples/booking")]
    Up(Up),
    /// Wait, migrate and run one command, without any file: a container's entrypoint
    #[command(after_help = "Example: mainstay run --database \"$DATABASE_URL\" --migrate \"alembic upgrade head\" -- \
                            uvicorn app:app")]
    Run(Box<Run>),
    /// Wait until databases and other things are ready, then execute a command
    #[command(after_help = "Example: mainstay wait postgres://bot@127.0.0.1/bot redis://127.0.0.1/1 --timeout 60s -- \
                            ./bot\n\nKinds: postgres:// sqlite: redis:// tcp:// http:// https:// unix: file: exec:")]
    Wait(Wait),
    /// The services of the running application
    #[command(after_help = "Example: mainstay ps")]
    Ps(Look),
    /// How the running application is: health, services, databases; exit code 3 when degraded, 1 when critical
    #[command(after_help = "Example: mainstay status --json")]
    Status(Look),
    /// Why a service or a job is as it is: what it waits for, how it ended, its last lines, its databases
    #[command(after_help = "Example: mainstay why api")]
    Why(Why),
    /// Stop and start services, wait until they are healthy, and show what they and the databases say
    #[command(after_help = "Example: mainstay restart api --timeout 30s")]
    Restart(Order),
    /// Start services that were stopped, have ended or have failed
    #[command(after_help = "Example: mainstay start worker")]
    Start(Order),
    /// Stop services until they are started again; the others go on
    #[command(after_help = "Example: mainstay stop worker")]
    Stop(Order),
    /// Have the running application run a job now, and show the run; ends with the exit code of the job
    #[command(after_help = "Example: mainstay run-now retrain")]
    RunNow(RunNow),
    /// Make a release of a commit and bring it live: checked, copied, built, migrated, proven, switched to, watched; or undone
    #[command(after_help = "Example: mainstay deploy main")]
    Deploy(Deploy),
    /// Bring the release before back, with its variables and, where that is possible, its schema
    #[command(after_help = "Example: mainstay rollback --yes")]
    Rollback(Rollback),
    /// The releases that there are: how they ended, how long they took, what was lost meanwhile
    #[command(
        after_help = "Examples: mainstay releases, mainstay releases show 01K8",
        args_conflicts_with_subcommands = true
    )]
    Releases(Releases),
    /// Stop everything and wait until it is gone
    #[command(after_help = "Example: mainstay down")]
    Down(Down),
    /// Read mainstay.toml anew; only services that changed are restarted, and nothing at all when it is wrong
    #[command(after_help = "Example: mainstay reload")]
    Reload(Look),
    /// Let a newer mainstay that was put in its place take over; no service, line or connection is lost
    #[command(after_help = "Example: install -m 755 mainstay-new /usr/local/bin/mainstay && mainstay reexec")]
    Reexec(Reexec),
    /// Asked by another mainstay: could this one take over?
    #[command(hide = true)]
    CanTakeOver,
    /// What happened, lately and before, with and without a running mainstay
    #[command(
        after_help = "Example: mainstay events --since 2h --service api --level warn -f\n\nTimes: 10m (that long ago), 14:30, \
                            2026-11-24, \"2026-11-24 14:30\", 2026-11-24T14:30:00Z; all in UTC"
    )]
    Events(Events),
    /// The course of a start, step by step; or what a day has brought
    #[command(
        after_help = "Examples: mainstay timeline, mainstay timeline 3, mainstay timeline 2026-11-24, mainstay timeline --list"
    )]
    Timeline(Timeline),
    /// Availability and answering times of databases by the hour, and what the machine had left
    #[command(after_help = "Example: mainstay history main --since 7d")]
    History(History),
    /// All of it on a screen: services, databases, live lines, and keys to restart, stop and filter
    #[cfg(feature = "top")]
    #[command(after_help = "Example: mainstay top --service api")]
    Top(Top),
    /// Bring the schema of a database up to date
    #[command(subcommand, after_help = "Example: mainstay migrate up --dir examples/booking")]
    Migrate(Migrate),
    /// Copies of the databases that are restored and compared before they count
    #[command(subcommand, after_help = "Example: mainstay backup now --database \"$DATABASE_URL\" --to backups")]
    Backup(Backup),
    /// Make a database of a copy, in the place of the one that is there, which is kept; --undo puts it back
    #[command(
        after_help = "Example: mainstay restore latest\n         mainstay restore backups/ID --database \"$DATABASE_URL\" --yes"
    )]
    Restore(Restore),
    /// Look into a copy: a database made of it, to be read only, which is gone afterwards; the real one is not touched
    #[command(
        after_help = "Examples: mainstay open --as-of 2026-11-24\n          mainstay open latest -- pg_dump --table lost --data-only"
    )]
    Open(Open),
    /// Ask a running mainstay how the application is: for HEALTHCHECK
    #[command(after_help = "Example: HEALTHCHECK CMD [\"mainstay\", \"health\", \"--probe\"]")]
    Health(Health),
    /// Show what the services have written, those of several merged by time
    #[command(
        after_help = "Example: mainstay logs api worker -f --since 10m --level warn\n\nTimes: 10m (that long ago), 14:30, \
                            2026-11-24, \"2026-11-24 14:30\", 2026-11-24T14:30:00Z; all in UTC"
    )]
    Logs(Logs),
    /// Show when jobs were run and when they are due, or run one now
    #[command(after_help = "Example: mainstay schedule --dir examples/booking")]
    Schedule(Schedule),
    /// Pass HTTP requests on to the application, and to another copy of it without losing one
    #[command(
        after_help = "Examples: mainstay proxy --listen 127.0.0.1:8080 --to 127.0.0.1:8000, mainstay proxy switch --to \
                            127.0.0.1:8001"
    )]
    Proxy(Box<Proxy>),
    /// Look at all that a start or a release needs, and change nothing; exit code 1 when something is wrong, 3 when something could not
    /// be verified
    #[command(after_help = "Example: mainstay check --release")]
    Check(Check),
    /// Set a server up
    #[command(subcommand, after_help = "Example: mainstay server init --dir /srv/shop")]
    Server(Server),
    /// Run by git after a push
    #[command(
        subcommand,
        hide = true,
        after_help = "Example: mainstay hook post-receive --config /srv/shop/mainstay.toml"
    )]
    Hook(Hook),
    /// The environment contract: check it, or print what is generated from it
    #[command(subcommand, after_help = "Example: mainstay env check --dir examples/booking")]
    Env(Env),
    /// Print the JSON schema of mainstay.toml
    #[command(after_help = "Example: mainstay schema > mainstay.schema.json")]
    Schema,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// And what a release of this branch, tag or commit needs, as its own file describes it: room, copies, connections for two of
    /// them [default: the branch of `[deploy]`]
    #[arg(long, value_name = "REF", num_args = 0..=1)]
    pub(crate) release: Option<Option<String>>,
    /// Only what the services of this role need [default: that of mainstay.toml, or all]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Which application.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// Where to look for mainstay.toml, upwards from here [env: MAINSTAY_DIR] [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The file itself [env: MAINSTAY_CONFIG]
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub(crate) config: Option<PathBuf>,
    /// Look for no file at all.
    #[arg(skip)]
    pub(crate) nowhere: bool,
}

impl Place {
    /// No file is looked for.
    pub(crate) fn nowhere() -> Self {
        Self { nowhere: true, ..Self::default() }
    }
}

/// Flags of `health`.
#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Where mainstay answers; a URL with a path is asked as it stands [default: the health address of mainstay.toml]
    #[arg(long, value_name = "ADDRESS|URL")]
    pub(crate) url: Option<String>,
    /// Ask /readyz instead of /healthz
    #[arg(long)]
    pub(crate) ready: bool,
    /// End with 0 or 1 alone, as containers want it: degraded and starting are no reason to be replaced
    #[arg(long)]
    pub(crate) probe: bool,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
