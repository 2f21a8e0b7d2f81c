//! When to try again, and when to stop.
//!
//! A [`Policy`] is plain data; its [`Backoff`] yields waits; a [`Deadline`] is read from a clock and never summed from
//! intervals, so an attempt that blocks cannot stretch it; [`retry`] is the one loop. Nothing here knows about
//! databases: an error says for itself whether it is [`Transience::Transient`].

mod backoff;
mod deadline;
mod policy;
mod run;

pub use backoff::{Backoff, Waits};
pub use deadline::Deadline;
pub use policy::Policy;
pub use run::{GaveUp, Trial, retry};

/// Whether the same call may succeed later without anybody changing anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transience {
    /// Try again.
    Transient,
    /// Trying again cannot help.
    Permanent,
    /// The connection was lost while the outcome was on its way: it may have been carried out. Look before trying again.
    UnknownOutcome,
}

/// An error that knows its own [`Transience`].
pub trait Classify {
    /// How a retry loop should treat this error.
    fn transience(&self) -> Transience;
}
