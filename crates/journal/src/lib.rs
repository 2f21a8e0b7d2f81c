//! Remembers what happens in an embedded SQLite, and tells it again: events, the course of a start, a day, and figures by the hour.
//!
//! One thread owns the file; a bounded buffer stands between it and whoever tells. What is full, locked, damaged or gone is told
//! and counted; it never holds anybody up. The file is open only while there is something to write: at rest it costs nothing.

mod buffer;
mod day;
mod figures;
mod query;
mod read;
mod record;
mod retain;
mod schema;
mod start;
mod store;
mod writer;

pub use day::{Day, Incident, JobDay, Outage, ServiceDay, day};
pub use figures::{Figure, Key, Roller, Rollup, Span};
pub use query::Query;
pub use read::{Hour, ReadError, Reader};
pub use record::Record;
pub use retain::{Cut, Facts, Rules, cut};
pub use schema::VERSION;
pub use start::{Life, Part, Start, Step, start};
pub use writer::{Condition, Journal, Ours};
