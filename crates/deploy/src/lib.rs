//! Releases: the order in which one comes live, what is undone when it does not, and how it is judged meanwhile.

pub mod course;
pub mod prober;
pub mod watch;
