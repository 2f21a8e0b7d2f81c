//! Flags of the verbs that make releases, take them back and show them.

use super::Place;
use clap::{Args, Subcommand};

/// Flags of `deploy`.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// A branch, a tag or a commit [default: the branch of `[deploy]`]
    #[arg(value_name = "REF")]
    pub(crate) reference: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Go as far as the checks, take everything back, and print the plan
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Make it anew, although it is live already, and fetch dependencies again
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Begin with empty databases: after a last VERIFIED copy their data is gone; what was there is kept under another name
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) clean: bool,
    /// With --clean: the application's name, instead of being asked for it
    #[arg(long, value_name = "NAME", requires = "clean")]
    pub(crate) yes_destroy: Option<String>,
    /// The record of the release as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The release to go back to, or its commit; the beginning will do [default: the one that was live before]
    #[arg(value_name = "ID")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Take back migrations without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Leave the schema as it is
    #[arg(long, conflicts_with = "yes")]
    pub(crate) keep_schema: bool,
    /// Put the copy from before in the place of the database: rows written since are lost, and kept under another name
    #[arg(long, conflicts_with_all = ["yes", "keep_schema"])]
    pub(crate) restore: bool,
    /// With --restore: the name of the database, instead of being asked for it
    #[arg(long, value_name = "NAME", requires = "restore")]
    pub(crate) yes_restore: Option<String>,
    /// The record of the release as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `releases`.
#[derive(Debug, Args)]
pub(crate) struct Releases {
    #[command(subcommand)]
    pub(crate) verb: Option<ReleasesVerb>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Verbs of `releases`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleasesVerb {
    /// All that is known of a release: its steps, what its prober has seen, what its build has said
    #[command(after_help = "Example: mainstay releases show 01K8")]
    Show(ReleasesShow),
}

/// Flags of `releases show`.
#[derive(Debug, Args)]
pub(crate) struct ReleasesShow {
    /// Its id or its commit; the beginning or the end will do
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) place: Place,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}
