//! Backups that are proven by a restore, and restores that can be undone.
//!
//! A copy counts only after it was written, checksummed, stored, read back, restored, and compared with the source at the same
//! instant ([`Standing`]). Until then it protects nothing, and nothing older is removed because of it. What cannot be checked is
//! called so.
//!
//! What is decided is pure: how far a copy has come ([`Standing`]), which copies go ([`retain`]), in what two databases
//! differ ([`content`]), what would be lost ([`Exposure`]). The verbs ([`take`](fn@take), [`verify`], [`prune`](fn@prune),
//! [`restore`](fn@restore)) are shells around it, for PostgreSQL and SQLite.

pub mod content;
pub mod retain;

mod attempt;
mod error;
mod exposure;
mod find;
mod following;
mod job;
mod keys;
mod manifest;
mod open;
mod passing;
mod postgres;
mod progress;
mod proof;
mod protection;
mod prune;
mod remote;
mod restore;
mod seal;
mod shelf;
mod sqlite;
mod standing;
mod take;
mod unpin;
mod vacuum;

pub use attempt::{Attempt, Failure};
pub use content::Content;
pub use error::BackupError;
pub use exposure::Exposure;
pub use find::{Wanted, find};
pub use job::Job;
pub use keys::{Keys, new_key};
pub use manifest::{Kind, Manifest, Part, Proof, Source, Unreadable, Why};
pub use open::{Opened, open};
pub use postgres::Parallel;
pub use progress::{Doing, Look, Progress};
pub use proof::verify;
pub use protection::{Newest, Protection};
pub use prune::{planned, prune, prune_in};
pub use remote::{Everywhere, Remote, everywhere};
pub use report::{NoUlid as NoId, Ulid as Id};
pub use restore::{
    CutOff, How, Loss, Lost, Prepared, Restored, Threat, cut_off, empty, last_replaced, lost, prepare, restore, threat,
    undo,
};
pub use shelf::{Copy, Place, copies};
pub use sqlite::Swept;
pub use standing::{OutOfOrder, Stage, Standing, Step};
pub use take::{Request, Taken, own_copies, take};
pub use unpin::unpin;
pub use vacuum::vacuum;
