//! A child that must not outlive whoever waits for it.

pub(crate) use host::process::{Running, ended};
