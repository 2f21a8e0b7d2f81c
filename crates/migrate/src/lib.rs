//! Migrations: which are pending, and applying them exactly once.
//!
//! A [`Migration`] is a file, the [`ledger`] is the table that remembers which were applied, and the lock sees to it that
//! one starter at a time applies them: the others wait, read the ledger again and find nothing left to do. A file and its
//! row are one transaction, so a file is applied wholly and remembered, or not at all. An external command
//! (`alembic upgrade head`) runs under the same lock and the same retries.
//!
//! What is decided here is pure: [`directory::parse`], the comparison of files and ledger, the look into a file before
//! it is run, the judgement on a command's last lines. [`up`], [`status`] and [`pending`] are the shells around it.

pub mod directory;
pub mod ledger;

mod command;
mod error;
mod job;
mod lock;
mod migration;
mod postgres;
mod run;
mod sql;
mod sqlite;
mod status;
mod version;

pub use error::{BadFile, FileFailure, MigrateError, Problem};
pub use job::{Applied, Identity, Job, Report};
pub use lock::Holder;
pub use migration::Migration;
pub use run::{lost_ledger, up};
pub use sql::{Obstacle, Quote};
pub use status::{Status, check, pending, status};
pub use version::Version;

/// For `cargo fuzz` only: everything that reads SQL text, on this one.
#[cfg(fuzzing)]
pub fn fuzz(sql: &str) {
    sql::fuzz(sql);
}
