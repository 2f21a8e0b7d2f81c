//! Releases: a commit, checked out and built in a directory of its own below `data`, with a record of what became of it.
//!
//! [`Site`] knows where everything lies, [`Record`] what is known of one release, [`store`] which there are and which one is
//! current. [`course`] decides what follows and what is undone while one comes live, [`prober`] and [`watch`] judge it.

pub mod build;
pub mod compose;
pub mod course;
pub mod git;
mod id;
pub mod prober;
pub mod push;
mod record;
mod run;
pub mod setup;
pub mod shared;
mod site;
pub mod store;
pub mod systemd;
mod tool;
pub mod watch;
pub mod webhook;

pub use id::ReleaseId;
pub use record::{Emptied, Outcome, Phase, Probe, ProbedDoor, Record, State, Unreadable};
pub use site::Site;
pub use tool::ToolError;
