//! The seams of this crate against the real machine.

mod exec;
mod family;
mod gone;
mod group;
mod signals;
mod spawn;
mod support;
