//! The gate: waits until a dependency is truly ready, never opens early, and notices readiness at once.
//!
//! [`step`] decides, without a clock and without I/O; [`wait`] carries out what it wants.

mod budget;
mod effect;
mod error;
mod line;
mod refused;
mod rules;
mod state;
mod wait;

pub use effect::{Effect, GaveUp, Input, Opened, Reason, Waiting};
pub use error::GateError;
pub use rules::{Quiet, Rules};
pub use state::{Gate, PROGRESS_GRACE, TRUSTED_AGE, step};
pub use wait::{wait, wait_all};

#[cfg(test)]
mod tests;
