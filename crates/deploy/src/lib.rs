//! Releases: a commit, checked out and built in a directory of its own below `data`, with a record of what became of it.
//!
//! [`Site`] knows where everything lies, [`Record`] what is known of one release, [`store`] which there are and which one is
//! current.

pub mod build;
pub mod git;
mod id;
mod record;
mod run;
pub mod shared;
mod site;
pub mod store;

pub use id::ReleaseId;
pub use record::{Outcome, Phase, Probe, Record, State, Unreadable};
pub use site::Site;
