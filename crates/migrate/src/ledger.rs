//! The ledger: the table that remembers which migrations were applied. Pure; the drivers read and write it.

mod compare;
mod shape;

pub use compare::{Conflict, Entry, State};
pub use shape::Shape;

pub(crate) use compare::{entries, pending};
pub(crate) use shape::{Column, TABLE};

use crate::Version;

/// A row of the ledger: one migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As the file's name had it.
    pub version: Version,
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file as it was applied, see [`crate::Migration::checksum`].
    pub checksum: String,
    /// When, RFC 3339 in UTC.
    pub applied_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}
