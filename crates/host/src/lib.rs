//! The machine, behind seams: clock, processes, files, environment, signals. Only this crate touches it.

pub mod alarm;
pub mod allocator;
pub mod env;
pub mod exec;
pub mod failpoint;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod fs;
pub mod handover;
pub mod lock;
pub mod net;
pub mod notify;
pub mod proc;
pub mod process;
pub mod random;
pub mod reaper;
pub mod shared_memory;
pub mod signals;
pub mod terminal;
pub mod user;

mod clock;
mod descriptor;
mod memory;
mod mount;

pub use clock::{SystemClock, monotonic};
pub use memory::{Memory, memory};

use std::{collections::BTreeMap, future::Future, pin::Pin, time::SystemTime};

/// A boxed future, so that the seams stay usable as `dyn`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The environment, read once at start and passed by value from then on.
pub type Env = BTreeMap<String, String>;

/// Wall time, for schedules, file names and the time of an event. Waiting is `tokio::time`, which tests can pause.
pub trait Clock: Send + Sync {
    /// Now, by the calendar.
    fn now(&self) -> SystemTime;
}
