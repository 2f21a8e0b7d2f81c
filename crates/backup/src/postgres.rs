//! PostgreSQL: copies by its own `pg_dump`, in the snapshot in which the rows are counted and hashed.

mod ahead;
mod content;
mod dump;
mod ground;
mod identity;
mod load;
mod now;
mod open;
mod parallel;
mod program;
mod prove;
mod rows;
mod scratch;
mod segment;
mod settings;
mod swap;
mod talk;
mod template;
mod threat;

pub(crate) use ahead::{Ahead, restore as restore_ahead};
pub(crate) use dump::take;
pub(crate) use ground::Ground;
pub(crate) use identity::{exists, identity, look};
pub(crate) use now::rows_now;
pub(crate) use open::{open, variables};
pub use parallel::Parallel;
pub(crate) use parallel::jobs;
pub(crate) use prove::prove;
pub(crate) use segment::give_back;
pub(crate) use swap::{Beside, Content, is_there, make, put_back};
pub(crate) use threat::threat;

/// The rows, compressed: what `pg_restore` reads once it is unpacked.
const FILE: &str = "database.dump.zst";
/// Roles and what else belongs to all databases of the server.
const GLOBALS: &str = "globals.sql";
