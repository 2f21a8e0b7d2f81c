//! One process that is no child of ours, told apart from a later one that got the same number.

use crate::proc::{Process, Stat};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

/// A process by number and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct One {
    pub(crate) process: Process,
    start_time: u64,
}

impl One {
    pub(crate) fn new(process: Process, stat: &Stat) -> Self {
        Self { process, start_time: stat.start_time }
    }

    /// Is it still there, and not a zombie?
    pub(crate) fn is_running(self) -> bool {
        self.process.stat().is_some_and(|stat| stat.start_time == self.start_time && !stat.has_ended())
    }

    /// That it is gone is not an error.
    pub(crate) fn signal(self, signal: i32) -> io::Result<()> {
        let pid = Pid::from_raw(self.process.pid.cast_signed());
        let Some(Ok(pidfd)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else { return Ok(()) };
        // The descriptor stands for whoever has the number now, and goes on standing for it.
        if !self.is_running() {
            return Ok(());
        }
        match send(&pidfd, signal, 0) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        }
    }
}

/// pidfd_send_signal(2): any number, real-time signals too.
#[expect(unsafe_code, reason = "rustix takes named signals only, and libc has no function for it")]
pub(crate) fn send(pidfd: &OwnedFd, signal: i32, flags: libc::c_uint) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open, and a null info asks the kernel to fill it as kill(2) does.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
