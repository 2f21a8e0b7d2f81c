//! The one place that waits for children.

use crate::process::{Exit, birth::Born};
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus, pidfd_open, set_child_subreaper, wait, waitpid};
use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Is this process 1 of its (container's) process namespace? Then orphans become ours, and unhandled signals are
/// ignored (pid_namespaces(7)).
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Waits for the children that were registered, woken by `SIGCHLD`; when orphans come to us, for those too.
///
/// Children nobody registered are left alone otherwise: they belong to whoever started them, such as the standard
/// library inside a test.
#[derive(Clone, Copy)]
pub(crate) struct Reaper(());

/// One for the whole process, as its children are: two reapers that adopt orphans would take each other's children for
/// such.
static TABLE: Mutex<Table> = Mutex::new(Table { children: BTreeMap::new(), adopts: false, held: false, orphans: 0 });

struct Table {
    children: BTreeMap<u32, watch::Sender<Option<Exit>>>,
    adopts: bool,
    /// Nobody is waited for.
    held: bool,
    orphans: u64,
}

/// A child under the care of the reaper.
pub(crate) struct Registered {
    pub(crate) pid: u32,
    /// Missing when there are no descriptors left.
    pub(crate) pidfd: Option<OwnedFd>,
    pub(crate) ended: Ended,
}

/// How a child ended, as soon as it has.
#[derive(Clone)]
pub(crate) struct Ended(watch::Receiver<Option<Exit>>);

impl Reaper {
    /// Starts to listen, on the current tokio runtime and for as long as that lives.
    pub(crate) fn start() -> io::Result<Self> {
        // Listen first: a child that ends before the first poll is not missed.
        let mut ended = signal(SignalKind::child())?;
        table().adopts |= is_init();
        tokio::spawn(async move {
            while ended.recv().await.is_some() {
                table().reap();
            }
        });
        Ok(Self(()))
    }

    /// Runs `start`, which returns a new child, with reaping held off until the child is registered: however
    /// fast it ends, its end is not lost.
    pub(crate) fn register(&self, start: impl FnOnce() -> io::Result<Born>) -> io::Result<Registered> {
        let mut table = table();
        let Born { pid, pidfd } = start()?;
        // It is not reaped yet, so the number is still its own.
        let open = || Pid::from_raw(pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let pidfd = pidfd.or_else(open);
        let (sender, receiver) = watch::channel(None);
        table.children.insert(pid, sender);
        Ok(Registered { pid, pidfd, ended: Ended(receiver) })
    }

    pub(crate) fn adopt_orphans(&self) -> io::Result<()> {
        if !is_init() {
            // Any pid switches it on (PR_SET_CHILD_SUBREAPER takes a flag).
            set_child_subreaper(Some(rustix::process::getpid()))?;
        }
        let mut table = table();
        table.adopts = true;
        table.reap();
        Ok(())
    }

    pub(crate) fn hold(&self) {
        table().held = true;
    }

    pub(crate) fn let_go(&self) {
        let mut table = table();
        table.held = false;
        table.reap();
    }

    /// A child that was registered with an earlier version of this process, and how it ended, when that is known.
    pub(crate) fn adopt(&self, pid: u32, exit: Option<Exit>) -> Ended {
        let (sender, receiver) = watch::channel(exit);
        if exit.is_none() {
            table().children.insert(pid, sender);
        }
        Ended(receiver)
    }

    pub(crate) fn orphans_reaped(&self) -> u64 {
        table().orphans
    }

    /// Runs `act` with the pids that are registered and not reaped, and keeps them from being reaped meanwhile.
    pub(crate) fn while_nothing_is_reaped<T>(&self, act: impl FnOnce(&[u32]) -> T) -> T {
        let table = table();
        act(&table.children.keys().copied().collect::<Vec<_>>())
    }
}

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn reap(&mut self) {
        if self.held {
            return;
        }
        if self.adopts { self.reap_all() } else { self.reap_registered() }
    }

    fn reap_registered(&mut self) {
        self.children.retain(|pid, ended| match waitpid(Pid::from_raw(pid.cast_signed()), WaitOptions::NOHANG) {
            Ok(None) => true,
            Ok(Some((_, status))) => {
                ended.send_replace(exit(status));
                false
            }
            // Somebody else waited for it. Closing the channel tells so.
            Err(_) => false,
        });
    }

    fn reap_all(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            match self.children.remove(&pid.as_raw_pid().cast_unsigned()) {
                Some(ended) => {
                    ended.send_replace(exit(status));
                }
                None => self.orphans += 1,
            }
        }
    }
}

/// Without `WUNTRACED` and `WCONTINUED` a status is one of the two (wait(2)).
fn exit(status: WaitStatus) -> Option<Exit> {
    status.exit_status().map(Exit::Code).or_else(|| status.terminating_signal().map(Exit::Signal))
}

impl Ended {
    /// How it ended, when that is known already.
    pub(crate) fn now(&self) -> Option<Exit> {
        *self.0.borrow()
    }

    /// Safe to drop and call again.
    pub(crate) async fn wait(&mut self) -> io::Result<Exit> {
        let ended = self.0.wait_for(Option::is_some).await.map_err(|_| lost())?;
        ended.ok_or_else(lost)
    }
}

fn lost() -> io::Error {
    io::Error::other("somebody else waited for the child, how it ended is not known")
}
