//! Hears from a service what it says by itself: a line that it writes once it is ready, or what it tells over its socket.

use crate::notice::{Notice, notices};
use config::LogLine;
use host::{
    handover::{Descriptors, Handing},
    notify::{self, Told},
    process::Meter,
};
use std::{
    future::pending,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Looks for a line in what one process writes to its two outputs.
#[derive(Clone)]
pub(crate) struct Lookout {
    line: LogLine,
    found: Arc<AtomicBool>,
    tell: UnboundedSender<()>,
}

impl Lookout {
    /// And where it tells that the line has come, once.
    pub(crate) fn new(line: LogLine) -> (Self, UnboundedReceiver<()>) {
        let (tell, told) = unbounded_channel();
        (Self { line, found: Arc::default(), tell }, told)
    }

    /// Looks at whole lines; true once nothing has to be looked at any more.
    pub(crate) fn look(&self, block: &[u8]) -> bool {
        if self.found.load(Ordering::Relaxed) {
            return true;
        }
        let block = block.strip_suffix(b"\n").unwrap_or(block);
        let found = block.split(|byte| *byte == b'\n').any(|line| self.line.is_in(line));
        if found && !self.found.swap(true, Ordering::Relaxed) {
            let _ = self.tell.send(());
        }
        found
    }
}

/// The socket of one service, bound once and kept over its restarts.
pub(crate) struct Socket {
    ear: notify::Ear,
}

/// What was heard.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// The line has come.
    Line,
    /// The service tells this.
    Notices(Vec<Notice>),
    /// Somebody else told something: a process that is not of the service, or has gone before it could be looked at.
    Stranger(Option<u32>),
}

impl Socket {
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        Ok(Self { ear: notify::Ear::bind(path)? })
    }

    /// For the next version of mainstay.
    pub(crate) fn hand_over(&self, all: &mut Handing) -> notify::HandedEar {
        self.ear.hand_over(all)
    }

    /// One that was handed over.
    pub(crate) fn take_over(handed: notify::HandedEar, all: &mut Descriptors) -> io::Result<Self> {
        Ok(Self { ear: notify::Ear::take_over(handed, all)? })
    }

    /// The variables by which a service finds it.
    pub(crate) fn variables(&self, watchdog: Option<Duration>) -> Vec<(String, String)> {
        let mut variables = vec![("NOTIFY_SOCKET".to_owned(), self.ear.name().to_owned())];
        if let Some(watchdog) = watchdog {
            variables.push(("WATCHDOG_USEC".to_owned(), watchdog.as_micros().to_string()));
            // The number of the child is put here when it is known.
            variables.push(("WATCHDOG_PID".to_owned(), String::new()));
        }
        variables
    }
}

/// What comes next, by either way. Safe to drop and call again.
pub(crate) async fn hear(
    line: Option<&mut UnboundedReceiver<()>>,
    socket: Option<&Socket>,
    meter: Option<&Meter>,
) -> Heard {
    tokio::select! {
        Some(()) = line_of(line) => Heard::Line,
        heard = datagram(socket, meter) => heard,
    }
}

async fn line_of(line: Option<&mut UnboundedReceiver<()>>) -> Option<()> {
    match line {
        Some(line) => match line.recv().await {
            Some(()) => Some(()),
            None => pending().await,
        },
        None => pending().await,
    }
}

async fn datagram(socket: Option<&Socket>, meter: Option<&Meter>) -> Heard {
    let (Some(socket), Some(meter)) = (socket, meter) else { return pending().await };
    match socket.ear.hear().await {
        // What was passed along is closed here: that is how `BARRIER=1` is answered, and `FDSTORE=1` refused.
        Ok(Told { pid: Some(pid), text, .. }) if meter.holds(pid) => Heard::Notices(notices(&text)),
        Ok(Told { pid, .. }) => Heard::Stranger(pid),
        // A socket that cannot be read is as silent as one that nobody writes to.
        Err(_) => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Item 6: a line of either output will do, once, and then nothing is looked at any more.
    #[test]
    fn a_line_is_found_once() {
        let (lookout, mut told) = Lookout::new(LogLine::parse("/^ready$/").unwrap());
        let other = lookout.clone();
        assert!(!lookout.look(b"not ready\nalready\n"));
        assert!(other.look(b"first\nready\n"));
        assert!(lookout.look(b"ready\n"), "the other output needs no look either");
        assert_eq!((told.try_recv(), told.try_recv().is_err()), (Ok(()), true));
    }
}
