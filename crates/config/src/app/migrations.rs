//! What is meant by `[migrations]`.

use super::OnFailure;
use crate::Target;
use retry::Policy;
use std::{path::PathBuf, time::Duration};

/// Where migrations are and how they are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrations {
    /// The name of the database they belong to, one of [`App::dependencies`](crate::App::dependencies).
    pub database: String,
    /// What is applied.
    pub source: MigrationSource,
    /// How often to try when the reason is transient.
    pub policy: Policy,
    /// How long to wait for another starter that holds the lock.
    pub lock_timeout: Duration,
    /// What a final failure means.
    pub on_failure: OnFailure,
    /// Whose files they are, where that is said: one of [`MIGRATION_STYLES`].
    pub style: Option<String>,
    /// The ledger's table, with or without a schema, where it is said.
    pub table: Option<String>,
    /// Files of data for trying things out, applied after the migrations when asked for. Absolute.
    pub seeds: Option<PathBuf>,
    /// What is forbidden and what is not.
    pub policies: MigrationPolicies,
    /// The server itself, where [`Migrations::database`] leads to a pooler that cannot keep a lock.
    pub direct: Option<Target>,
    /// A statement of a file takes no longer. None: as long as it wants.
    pub statement_timeout: Option<Duration>,
    /// So long statements of one run wait for locks on tables, all in all.
    pub lock_budget: Duration,
    /// Rules of the linter that are not looked at.
    pub lint_exclude: Vec<String>,
    /// Rules of the linter that are looked at although they are not by default.
    pub lint_include: Vec<String>,
}

/// What is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationSource {
    /// Plain `.sql` files in this directory. Absolute.
    Directory(PathBuf),
    /// An external command, run in [`App::root`](crate::App::root).
    Command(Vec<String>),
}

/// The styles of migrations that can be named; `diy` is a table that explains itself by its rows.
pub const MIGRATION_STYLES: [&str; 9] =
    ["plain", "dbmate", "golang-migrate", "goose", "sqlx", "refinery", "flyway", "supabase", "diy"];

/// What is forbidden when files and ledger disagree, and what is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MigrationPolicies {
    /// A file that is new but older than an applied one.
    pub out_of_order: Tolerance,
    /// A file that was applied and is not there any more.
    pub missing: Tolerance,
    /// A file that does something else than when it was applied, or has another name.
    pub changed: Tolerance,
    /// A row that is newer than every file, of a release that has not said that this one may run on its schema.
    pub newer: Tolerance,
    /// Versions must be 1, 2, 3 and so on.
    pub strict: bool,
}

/// Is something refused or let through?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tolerance {
    /// Nothing is applied.
    #[default]
    Refuse,
    /// It is told, and nothing more.
    Allow,
}
