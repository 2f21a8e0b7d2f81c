//! Scripted stand-ins for the machine, for the tests of other crates.

mod child;
mod clock;
mod spawner;

pub use clock::FixedClock;
pub use spawner::{FakeSpawner, Life, Sent, Spawned};

#[cfg(test)]
mod tests;
