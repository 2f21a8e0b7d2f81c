//! What a process does to itself.

use rustix::process::{Signal, getpid, kill_process, nice};

/// How [`signal_self`] deals with this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// It ends, as when the kernel has no memory left for it.
    Kill,
    /// It stops until somebody continues it.
    Stop,
}

/// Ends or stops this process at this very place: for tests of what the next life makes of it.
pub fn signal_self(how: Fatal) {
    let signal = match how {
        Fatal::Kill => Signal::KILL,
        Fatal::Stop => Signal::STOP,
    };
    // A process may always do this to itself.
    let _ = kill_process(getpid(), signal);
}

/// Lets all others go first: for a thread whose work may take its time. It is the thread alone that becomes nicer (nice(2)).
pub fn give_way() {
    // Who may not is as fast as before.
    let _ = nice(10);
}
