//! Migrations: which are pending, and applying them exactly once.
//!
//! A [`Migration`] is a file, the [`ledger`] is the table that remembers which were applied, and the lock sees to it that
//! one starter at a time applies them: the others wait, read the ledger again and find nothing left to do. A file and its
//! row are one transaction, so a file is applied wholly and remembered, or not at all; how far a file got that cannot be one,
//! a journal of its statements knows. An external command (`alembic upgrade head`) runs under the same lock and the same
//! retries.
//!
//! Files and ledger may be another tool's: a `Style` knows how that tool names and cuts files, and what it writes into its
//! table. What we know beyond that stands in our own history beside it.
//!
//! What is decided is pure: what files mean, whose they are, how files, ledger and history compare, what the policies allow,
//! what SQL remembers it, where statements begin and end, the judgement on a command's last lines. Each verb ([`up`],
//! [`status`]) is a shell around it that speaks to an `Engine`: PostgreSQL or SQLite.

pub mod directory;
pub mod ledger;

#[cfg(feature = "lint")]
pub mod lint;

mod await_schema;
mod baseline;
mod by_hand;
mod catalog;
mod command;
mod down;
mod dump;
mod empty;
mod engine;
mod error;
mod failpoint;
mod history;
mod job;
mod lock;
mod lost;
mod migration;
mod new;
mod obstacles;
mod pieces;
mod postgres;
mod quote;
mod read_set;
mod redo;
mod rehearse;
mod repair;
mod retrying;
mod script;
mod snapshot;
mod sql;
mod sqlite;
mod status;
mod style;
mod up;
mod verify;
mod version;
mod work;

pub use await_schema::await_schema;
pub use baseline::baseline;
pub use by_hand::by_hand;
pub use down::{Back, down};
pub use dump::dump;
pub use error::{BadFile, FileFailure, MigrateError, Problem, explain};
pub use job::{Applied, Identity, Job, Moved, Report};
pub use ledger::{Conflict, Goal};
pub use lock::{Activity, Holder};
pub use lost::lost_ledger;
pub use migration::{Kind, Migration};
pub use new::new;
pub use redo::redo;
pub use rehearse::{Ground, Held, Lock, Rehearsal, Rehearsed, Size, Stage, Verdict, rehearse};
pub use repair::{Fix, Repair, Truth, repair};
pub use sql::{Obstacle, Quote};
pub use status::{Pending, Status, check, pending, status};
pub use up::{is_current, up};
pub use verify::{Verified, verify};
pub use version::Version;
