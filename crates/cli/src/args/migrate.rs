//! What may be typed after `mainstay migrate`. Every verb has an example.

use super::Patience;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Flags of all verbs of `migrate`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Migrations {
    /// The database [default: that of mainstay.toml, or DATABASE_URL, PG*, DB_*, POSTGRES_*]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// The directory of .sql files, or of the application when it holds a mainstay.toml
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The file mainstay.toml itself [env: MAINSTAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Migrate by this command instead
    #[arg(long, value_name = "COMMAND", conflicts_with = "dir")]
    pub(crate) command: Option<String>,
    /// Whose files and table they are: plain, dbmate, golang-migrate, goose, sqlx, refinery, flyway, supabase or diy
    #[arg(long, value_name = "STYLE")]
    pub(crate) style: Option<String>,
    /// The table that remembers what was applied [default: that of the style]
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Let files be that are new but older than applied ones: they are applied
    #[arg(long)]
    pub(crate) out_of_order: bool,
    /// Let applied migrations be whose files are missing
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Let files be that were edited after they were applied
    #[arg(long)]
    pub(crate) allow_changed: bool,
    /// Let a database be that is ahead of this release
    #[arg(long)]
    pub(crate) allow_newer: bool,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The verbs of `migrate`.
#[derive(Debug, Subcommand)]
pub(crate) enum Migrate {
    /// Apply what is pending, exactly once whoever else starts beside it
    #[command(after_help = "Example: mainstay migrate up --database sqlite:data/bot.db --dir migrations")]
    Up(MigrateUp),
    /// Undo the newest migration, or more of them
    #[command(after_help = "Example: mainstay migrate down --steps 2")]
    Down(MigrateDown),
    /// Undo the newest migration and apply it again as it is now
    #[command(after_help = "Example: mainstay migrate redo --database sqlite:dev.db --dir migrations")]
    Redo(Migrations),
    /// What is applied and what is pending; exit code 1 when files and database disagree
    #[command(after_help = "Example: mainstay migrate status --json")]
    Status(MigrateStatus),
    /// Make the files of a new migration, in the style of those that are there
    #[command(after_help = "Example: mainstay migrate new \"add users\" --dir migrations")]
    New(MigrateNew),
    /// Compare the database with the files, all that can be compared
    #[command(after_help = "Example: mainstay migrate verify --database \"$DATABASE_URL\" --dir migrations")]
    Verify(Migrations),
    /// Take every migration up to a version as applied, without applying it
    #[command(after_help = "Example: mainstay migrate baseline 0007")]
    Baseline(MigrateBaseline),
    /// Bring the ledger into line with the files; shows what it would do, and does it with --yes
    #[command(after_help = "Example: mainstay migrate repair --forget 0007 --yes")]
    Repair(MigrateRepair),
    /// Apply one file by hand
    #[command(after_help = "Example: mainstay migrate apply migrations/0007_fill.sql")]
    Apply(MigrateApply),
    /// Print the schema as SQL, with the rows of the ledger: a fresh database is loaded from it and has nothing pending
    #[command(after_help = "Example: mainstay migrate dump --output schema.sql")]
    Dump(MigrateDump),
    /// Look for what would hold up tables that are in use, break their users, or fail; exit code 1 on warnings
    #[cfg(feature = "lint")]
    #[command(after_help = "Example: mainstay migrate lint --database \"$DATABASE_URL\" --dir migrations")]
    Lint(MigrateLint),
}

/// Flags of `migrate lint`.
#[cfg(feature = "lint")]
#[derive(Debug, Args)]
pub(crate) struct MigrateLint {
    #[command(flatten)]
    pub(crate) flags: Migrations,
    /// The files to look at [default: those that are pending]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Every file of the directory, applied or not
    #[arg(long, conflicts_with = "files")]
    pub(crate) all: bool,
    /// The major version of PostgreSQL they are for [default: the server's own, or the newest]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(9..=99))]
    pub(crate) pg_version: Option<u32>,
}

/// Flags of `migrate up`.
#[derive(Debug, Args)]
pub(crate) struct MigrateUp {
    #[command(flatten)]
    pub(crate) flags: Migrations,
    /// Up to and including this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<String>,
    /// Only the next one
    #[arg(long, conflicts_with = "to")]
    pub(crate) one: bool,
    /// The seed files too, those that are new or changed
    #[arg(long, conflicts_with_all = ["to", "one"])]
    pub(crate) seed: bool,
    /// Say what would be applied, and apply nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Run what is pending where it harms nobody and say what it did: locks, rewrites, time. Nothing is applied. On a clone
    /// of the schema (`clone`; needs CREATEDB and pg_dump), or in a transaction that is rolled back (`rollback`)
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "auto", conflicts_with = "dry_run")]
    pub(crate) rehearse: Option<Rehearse>,
}

/// How to rehearse.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rehearse {
    /// On a clone when that can be had.
    #[value(hide = true)]
    Auto,
    /// On a clone of the schema.
    Clone,
    /// In a transaction that is rolled back.
    Rollback,
}

/// Flags of `migrate down`.
#[derive(Debug, Args)]
pub(crate) struct MigrateDown {
    #[command(flatten)]
    pub(crate) flags: Migrations,
    /// Everything that is newer than this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<String>,
    /// So many of the newest [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "to")]
    pub(crate) steps: Option<usize>,
    /// Everything
    #[arg(long, conflicts_with_all = ["to", "steps"])]
    pub(crate) all: bool,
}

/// Flags of `migrate status`.
#[derive(Debug, Args)]
pub(crate) struct MigrateStatus {
    #[command(flatten)]
    pub(crate) flags: Migrations,
    /// End with 3 when something is pending
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Flags of `migrate new`.
#[derive(Debug, Args)]
pub(crate) struct MigrateNew {
    /// What it does
    #[arg(value_name = "NAME", required = true, num_args = 1..)]
    pub(crate) name: Vec<String>,
    #[command(flatten)]
    pub(crate) flags: Migrations,
}

/// Flags of `migrate baseline`.
#[derive(Debug, Args)]
pub(crate) struct MigrateBaseline {
    /// The newest one that the database has already
    #[arg(value_name = "VERSION")]
    pub(crate) version: String,
    #[command(flatten)]
    pub(crate) flags: Migrations,
}

/// Flags of `migrate repair`.
#[derive(Debug, Args)]
pub(crate) struct MigrateRepair {
    #[command(flatten)]
    pub(crate) flags: Migrations,
    /// This migration is in the database, wholly; may be given several times
    #[arg(long, value_name = "VERSION")]
    pub(crate) applied: Vec<String>,
    /// This migration is not in the database, take its row out; may be given several times
    #[arg(long, value_name = "VERSION")]
    pub(crate) forget: Vec<String>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Flags of `migrate apply`.
#[derive(Debug, Args)]
pub(crate) struct MigrateApply {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) flags: Migrations,
}

/// Flags of `migrate dump`.
#[derive(Debug, Args)]
pub(crate) struct MigrateDump {
    /// Write it to this file, wholly or not at all [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: Migrations,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_style() {
        let command = Migrations::augment_args(clap::Command::new("migrate"));
        let style = command.get_arguments().find(|flag| flag.get_id() == "style").expect("--style");
        let help = style.get_help().expect("its help").to_string();
        let (last, others) = config::MIGRATION_STYLES.split_last().expect("styles");
        assert_eq!(help, format!("Whose files and table they are: {} or {last}", others.join(", ")));
    }
}
