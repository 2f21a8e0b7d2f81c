//! What may be typed after `mainstay backup` and `mainstay restore`. Every verb has an example.

use super::Patience;
use clap::{Args, Subcommand};
use config::Overrides;
use std::path::PathBuf;

/// Flags of all verbs about copies.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Backups {
    /// The database [default: those of mainstay.toml, or DATABASE_URL, PG*, DB_*, POSTGRES_*]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Where to look for mainstay.toml, upwards from here [env: MAINSTAY_DIR] [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The file mainstay.toml itself [env: MAINSTAY_CONFIG]
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub(crate) config: Option<PathBuf>,
    /// Where copies lie: a directory, s3://BUCKET/PREFIX, or both [default: those of mainstay.toml, or data/backups]
    #[arg(long, value_name = "PLACE")]
    pub(crate) to: Vec<String>,
    /// A file with the secret keys to encrypted copies [default: that of mainstay.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Only this database of mainstay.toml
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The verbs of `backup`.
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Take a copy of each database, restore it, and compare it; exit code 3 when it could not be verified
    #[command(after_help = "Example: mainstay backup now --database \"$DATABASE_URL\" --to backups")]
    Now(BackupNow),
    /// Show the copies, and what would be lost if the disk died now
    #[command(after_help = "Example: mainstay backup list --json")]
    List(BackupList),
    /// Read, restore and compare a copy again
    #[command(after_help = "Example: mainstay backup verify latest")]
    Verify(BackupVerify),
    /// Remove the copies that need not be kept; only VERIFIED ones count
    #[command(after_help = "Example: mainstay backup prune --dry-run")]
    Prune(BackupPrune),
    /// Vacuum SQLite databases that have much to give back, and analyze them
    #[command(after_help = "Example: mainstay backup vacuum --database sqlite:app.db")]
    Vacuum(BackupVacuum),
    /// Keys of encrypted copies
    #[command(subcommand, after_help = "Example: mainstay backup key new backup.key")]
    Key(BackupKey),
}

/// The verbs of `backup key`.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupKey {
    /// Make a key: writes the secret one into a new file, and answers with the public one
    #[command(after_help = "Example: mainstay backup key new backup.key")]
    New(NewKey),
    /// Answer with a page to print: the secret key, where the copies are, and how they are restored without mainstay
    #[command(after_help = "Example: mainstay backup key kit --identity backup.key | lp")]
    Kit(Box<KeyKit>),
}

/// Flags of `backup key new`.
#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// The file, which must not be there yet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Flags of `backup key kit`.
#[derive(Debug, Args)]
pub(crate) struct KeyKit {
    #[command(flatten)]
    pub(crate) flags: Backups,
}

/// Flags of `backup now`.
#[derive(Debug, Args)]
pub(crate) struct BackupNow {
    #[command(flatten)]
    pub(crate) flags: Backups,
    /// Keep this copy until it is removed by hand, for this reason
    #[arg(long, value_name = "WHY")]
    pub(crate) pin: Option<String>,
    /// Keep the last so many VERIFIED copies [default: that of mainstay.toml; without one, all]
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<String>,
    /// Leave the proof out: the copy does not count until `mainstay backup verify`
    #[arg(long)]
    pub(crate) unproven: bool,
    /// Encrypt the copy for this public key of age; any number, two are better than one [default: those of mainstay.toml]
    #[arg(long = "recipient", value_name = "KEY")]
    pub(crate) recipients: Vec<String>,
    /// It was due
    #[arg(long, hide = true)]
    pub(crate) scheduled: bool,
    #[command(flatten)]
    pub(crate) as_started: AsStarted,
}

/// The flags of a running application, for the jobs that look after its databases.
#[derive(Debug, Args)]
pub(crate) struct AsStarted {
    #[arg(long, hide = true)]
    pub(crate) name: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) data: Option<String>,
    #[arg(long = "env-file", hide = true)]
    pub(crate) env_files: Vec<String>,
}

impl AsStarted {
    pub(crate) fn overrides(self) -> Overrides {
        Overrides { name: self.name, data: self.data, env_files: self.env_files, ..Overrides::default() }
    }
}

/// Flags of `backup vacuum`.
#[derive(Debug, Args)]
pub(crate) struct BackupVacuum {
    #[command(flatten)]
    pub(crate) flags: Backups,
    #[command(flatten)]
    pub(crate) as_started: AsStarted,
}

/// Flags of `backup list`.
#[derive(Debug, Args)]
pub(crate) struct BackupList {
    #[command(flatten)]
    pub(crate) flags: Backups,
}

/// Flags of `backup verify`.
#[derive(Debug, Args)]
pub(crate) struct BackupVerify {
    /// Which copy: latest, its name or the beginning or end of it, or its directory
    #[arg(value_name = "COPY", default_value = "latest")]
    pub(crate) copy: String,
    /// All copies
    #[arg(long, conflicts_with = "copy")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) flags: Backups,
}

/// Flags of `backup prune`.
#[derive(Debug, Args)]
pub(crate) struct BackupPrune {
    #[command(flatten)]
    pub(crate) flags: Backups,
    /// Keep the last so many VERIFIED copies of each database [default: that of mainstay.toml, or 10]
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<String>,
    /// Only show what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also when more than half of the VERIFIED copies go at once
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Flags of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Which copy: latest, its name or the beginning or end of it, or its directory
    #[arg(value_name = "COPY", conflicts_with_all = ["at", "undo"])]
    pub(crate) copy: Option<String>,
    /// The newest VERIFIED copy from this moment or before: 2026-11-24T14:30:00Z, in UTC "2026-11-24 14:30"
    #[arg(long, value_name = "TIME", conflicts_with = "undo")]
    pub(crate) at: Option<String>,
    /// Put back what the last restore replaced
    #[arg(long)]
    pub(crate) undo: bool,
    /// Do not ask; the database must be named, by --database or --target
    #[arg(long)]
    pub(crate) yes: bool,
    /// With --yes: the name of the database that is replaced
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// The copy is of another database, and that is meant
    #[arg(long)]
    pub(crate) other: bool,
    /// Take no copy of the database that is replaced: it is damaged
    #[arg(long)]
    pub(crate) no_safety_copy: bool,
    #[command(flatten)]
    pub(crate) flags: Backups,
}

/// Flags of `open`.
#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Which copy: latest, its name or the beginning or end of it, or its directory
    #[arg(value_name = "COPY", conflicts_with = "as_of")]
    pub(crate) copy: Option<String>,
    /// The newest VERIFIED copy from this moment or before, or a copy by its name: 10m, "2026-11-24 14:30", 01M8…
    #[arg(long, value_name = "TIME|ID")]
    pub(crate) as_of: Option<String>,
    /// Answer with the URL of the database, and keep it until a signal comes
    #[arg(long, conflicts_with = "command")]
    pub(crate) url: bool,
    #[command(flatten)]
    pub(crate) flags: Backups,
    /// What to run instead of psql or sqlite3; it finds the database by DATABASE_URL, psql's kin also by PGHOST and PGDATABASE
    #[arg(value_name = "CMD", last = true)]
    pub(crate) command: Vec<String>,
}
