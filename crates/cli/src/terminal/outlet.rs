//! One of the two outputs, and what nobody has read yet.

use host::terminal::{Room, Stream, wait_for_room, write_now};
use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, timeout},
};

/// With so many bytes waiting there is no room for more lines: their writers wait.
const ENOUGH: usize = 256 * 1024;

/// With so many waiting, events are counted only: nobody can be asked to have fewer of them.
const TOO_MUCH: usize = 1024 * 1024;

/// Nothing is lost when the system does not tell that there is room: it is looked for this often.
const LOOK: Duration = Duration::from_secs(1);

/// The same where the system cannot tell at all.
const LOOK_BLINDLY: Duration = Duration::from_millis(20);

/// Standard output or error.
pub(super) struct Outlet {
    stream: Stream,
    never_waits: AtomicBool,
    backlog: Mutex<Backlog>,
    more_room: Notify,
}

#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    /// Events that were not kept.
    unkept: u64,
    /// Somebody writes it as soon as there is room.
    in_work: bool,
}

impl Outlet {
    pub(super) fn new(stream: Stream) -> Self {
        let (never_waits, backlog, more_room) = (AtomicBool::new(false), Mutex::default(), Notify::new());
        Self { stream, never_waits, backlog, more_room }
    }

    pub(super) fn never_wait(&self) {
        self.never_waits.store(true, Ordering::Relaxed);
    }

    /// Writes, now or later; in order.
    pub(super) fn write(self: &Arc<Self>, bytes: Vec<u8>) {
        let mut backlog = self.backlog();
        if !backlog.bytes.is_empty() {
            return backlog.bytes.extend(bytes);
        }
        let rest = self.write_all(&bytes);
        if !rest.is_empty() {
            backlog.bytes.extend_from_slice(rest);
            self.see_to(&mut backlog);
        }
    }

    /// What nobody has read yet.
    pub(super) fn unread(&self) -> Vec<u8> {
        self.backlog().bytes.clone()
    }

    /// The same for what can be done without when far too much is waiting.
    pub(super) fn write_or_count(self: &Arc<Self>, bytes: Vec<u8>) {
        let mut backlog = self.backlog();
        if backlog.bytes.len() >= TOO_MUCH {
            backlog.unkept += 1;
            return;
        }
        drop(backlog);
        self.write(bytes);
    }

    /// Resolves when not much is waiting.
    pub(super) async fn room(&self) {
        loop {
            let more = self.more_room.notified();
            if self.backlog().bytes.len() < ENOUGH {
                return;
            }
            more.await;
        }
    }

    /// Writes what is waiting, as far as it is read within `limit`.
    pub(super) fn finish(&self, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.go_on() {
            let left = end.saturating_duration_since(Instant::now());
            if !wait_for_room(self.stream, Some(left)).unwrap_or(false) || left.is_zero() {
                return;
            }
        }
    }

    /// What is left of `bytes` when there is no more room. A closed output is nobody's failure.
    fn write_all<'a>(&self, mut bytes: &'a [u8]) -> &'a [u8] {
        while !bytes.is_empty() {
            match write_now(self.stream, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return &[],
                Err(_) if self.never_waits.load(Ordering::Relaxed) => return bytes,
                Err(_) if wait_for_room(self.stream, None).is_err() => return &[],
                Err(_) => {}
            }
        }
        bytes
    }

    /// Writes what is waiting; says whether nothing is left.
    fn go_on(&self) -> bool {
        let mut backlog = self.backlog();
        let waiting = std::mem::take(&mut backlog.bytes);
        backlog.bytes = self.write_all(&waiting).to_vec();
        if backlog.bytes.is_empty() && backlog.unkept > 0 {
            let events = report::count(usize::try_from(backlog.unkept).unwrap_or(usize::MAX), "event");
            backlog.unkept = 0;
            let text = format!("mainstay: {events} not shown here, for nobody read for too long\n");
            backlog.bytes = self.write_all(text.as_bytes()).to_vec();
        }
        if backlog.bytes.len() < ENOUGH {
            self.more_room.notify_waiters();
        }
        backlog.in_work &= !backlog.bytes.is_empty();
        backlog.bytes.is_empty()
    }

    fn see_to(self: &Arc<Self>, backlog: &mut Backlog) {
        // Without a runtime whoever ends the program writes the rest.
        let Ok(runtime) = Handle::try_current() else { return };
        if !std::mem::replace(&mut backlog.in_work, true) {
            runtime.spawn(work_off(Arc::clone(self)));
        }
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn work_off(outlet: Arc<Outlet>) {
    let mut room = Room::of(outlet.stream);
    while !outlet.go_on() {
        match &mut room {
            Some(room) => drop(timeout(LOOK, room.more()).await),
            None => tokio::time::sleep(LOOK_BLINDLY).await,
        }
    }
}
