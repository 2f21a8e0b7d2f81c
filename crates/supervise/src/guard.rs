//! What keeps others away, and goes over to the next version of mainstay.

use host::handover::Handing;
use serde::{Deserialize, Serialize};
use std::{io, os::fd::RawFd};

/// Keeps others away for as long as it lives.
pub trait Guard: Send {
    /// What the next version of mainstay needs to go on keeping them away, without a gap.
    ///
    /// # Errors
    /// When it cannot go on there.
    fn hand_over(&self, all: &mut Handing) -> io::Result<HandedGuard>;
}

/// What keeps others away, by its descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedGuard {
    /// The lock of this machine: an open file.
    pub here: Option<RawFd>,
    /// The lock of all hosts: the socket of a session with a server.
    pub session: Option<RawFd>,
}

/// Nobody has to be kept away.
impl Guard for () {
    fn hand_over(&self, _: &mut Handing) -> io::Result<HandedGuard> {
        Ok(HandedGuard::default())
    }
}
