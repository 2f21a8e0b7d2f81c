//! What mainstay is asked by signals, and the names of signals.

use std::{future::poll_fn, io, task::Poll};
use tokio::signal::unix::{SignalKind, signal};

/// The standard signals that can be caught or sent, by name, with their numbers on this machine (signal(7)).
const NAMES: &[(&str, i32)] = &[
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGABRT", libc::SIGABRT),
    ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    ("SIGCHLD", libc::SIGCHLD),
    ("SIGCONT", libc::SIGCONT),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGURG", libc::SIGURG),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGIO", libc::SIGIO),
    ("SIGSYS", libc::SIGSYS),
];

/// The last number that Linux knows, real-time signals included.
const LAST: i32 = 64;

/// What somebody asks of mainstay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: please finish.
    Terminate,
    /// `SIGINT`: Ctrl-C.
    Interrupt,
    /// `SIGHUP`: the terminal is gone, or reload.
    Hangup,
    /// `SIGQUIT`: Ctrl-\.
    Quit,
    /// `SIGUSR1`.
    User1,
    /// `SIGUSR2`.
    User2,
}

/// The signals that mainstay listens to, as a stream.
pub struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

impl Signal {
    const ALL: [Self; 6] = [Self::Terminate, Self::Interrupt, Self::Hangup, Self::Quit, Self::User1, Self::User2];

    /// Its number.
    pub fn number(self) -> i32 {
        match self {
            Self::Terminate => libc::SIGTERM,
            Self::Interrupt => libc::SIGINT,
            Self::Hangup => libc::SIGHUP,
            Self::Quit => libc::SIGQUIT,
            Self::User1 => libc::SIGUSR1,
            Self::User2 => libc::SIGUSR2,
        }
    }
}

impl Signals {
    /// Takes these signals over for the rest of the process's life, on the current tokio runtime; panics outside of
    /// one. What was ignored at the start stays ignored, so that `nohup` and a shell's background jobs keep their
    /// meaning.
    pub fn listen() -> io::Result<Self> {
        let ignored = ignored();
        let heard = Signal::ALL.into_iter().filter(|wanted| !is_in(ignored, wanted.number()));
        heard
            .map(|wanted| Ok((wanted, signal(SignalKind::from_raw(wanted.number()))?)))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// The next one. Several of the same kind that come at once may be one. Safe to drop and call again.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(signal, stream)| stream.poll_recv(context).is_ready().then_some(*signal));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The set of ignored signals (proc_pid_status(5), `SigIgn`), nothing when it cannot be read.
#[expect(clippy::disallowed_methods, reason = "a file of the kernel, bounded by nature")]
fn ignored() -> u64 {
    ignored_in(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
}

fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn is_in(mask: u64, signal: i32) -> bool {
    mask >> (signal - 1) & 1 == 1
}

/// The number of a signal called `SIGTERM`, `TERM`, `term` or `15`.
pub fn signal_number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (1..=LAST).contains(&number).then_some(number);
    }
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES.iter().find(|(known, _)| &known[3..] == bare).map(|(_, number)| *number)
}

/// The name of a signal, such as `SIGTERM`. Real-time signals have none.
pub fn signal_name(number: i32) -> Option<&'static str> {
    NAMES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_three_spellings() {
        for spelling in ["SIGTERM", "TERM", "term", "sigterm", "15"] {
            assert_eq!(signal_number(spelling), Some(15), "{spelling}");
        }
        for wrong in ["", "SIG", "TERMINATE", "0", "65", "-9"] {
            assert_eq!(signal_number(wrong), None, "{wrong}");
        }
        assert_eq!((signal_name(9), signal_name(40)), (Some("SIGKILL"), None));
        assert!(NAMES.iter().all(|(name, number)| signal_number(name) == Some(*number)));
    }

    #[test]
    fn what_is_ignored_is_read_from_the_kernel() {
        let ignored = ignored_in("Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001003\n");
        assert_eq!([1, 2, 3, 13].map(|signal| is_in(ignored, signal)), [true, true, false, true]);
        assert_eq!(ignored_in(""), 0);
    }
}
