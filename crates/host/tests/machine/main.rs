//! The seams of this crate against the real machine.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stdout, reason = "a copy of this program talks to its test")]

mod exec;
mod family;
mod gone;
mod group;
mod lock;
mod mount;
mod signals;
mod spawn;
mod strays;
mod support;
