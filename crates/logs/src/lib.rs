//! Keeps every line that services write, and finds it again: whole, in order, with its time.
//!
//! One thread owns the files; a bounded [`Buffer`](Files) stands between it and whoever reads the pipes. What is full or slow or
//! broken is told, and counted where lines are missing; it never ends a service, nor mainstay.

mod base64;
mod buffer;
mod file;
mod filter;
mod follow;
mod history;
mod level;
mod line;
mod merge;
mod name;
mod retain;
mod text;
mod writer;

pub use buffer::Source;
pub use file::Ours;
pub use filter::Filter;
pub use follow::Follower;
pub use history::{History, services};
pub use level::level_of;
pub use line::{Line, Origin};
pub use merge::merge;
pub use name::FileName;
pub use retain::{Aside, Rules, doomed};
pub use writer::Files;
