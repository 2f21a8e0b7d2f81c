//! The words in which every chapter tells what happened: [`Event`] while it happens, [`Finding`] when something is
//! found, [`Outcome`] at the end. Each can be rendered for people, as logfmt and as JSON; a [`Secret`] can be rendered
//! by none of them.

mod check;
mod event;
mod finding;
mod grammar;
mod journal;
mod mask;
mod outcome;
mod render;
mod secret;
mod ulid;

pub use check::{Check, Verdict};
pub use event::{Event, Level, Value};
pub use finding::{Finding, Place, Severity};
pub use grammar::{age, bytes, count, or_list, seconds};
pub use journal::{Journal, Lines, Recorder, Stream};
pub use mask::Masker;
pub use outcome::Outcome;
pub use render::{Stamp, human, json, logfmt, quoted, rfc3339};
pub use secret::Secret;
pub use ulid::{NoUlid, Ulid};
