//! Stops the thread that works for us, when nobody waits for it any more: it would go on, and apply what was called off.

use rusqlite::{Connection, Error, InterruptHandle, ffi};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// SQLite forgets an interruption that comes between two statements, so it is repeated.
const AGAIN: Duration = Duration::from_millis(5);

/// Known to the thread that works and to whoever waits for it.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    called_off: AtomicBool,
    /// The connection, while there is work on it.
    working: Mutex<Option<InterruptHandle>>,
}

impl Stop {
    /// Work on `connection` begins, until the result is dropped.
    pub(super) fn working(&self, connection: &Connection) -> Working<'_> {
        *self.0.working() = Some(connection.get_interrupt_handle());
        Working(&self.0)
    }

    /// Fails as SQLite does when it is interrupted.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.0.called_off.load(Ordering::SeqCst) {
            true => Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)),
            false => Ok(()),
        }
    }

    /// Whoever waits holds this; dropped, it stops the work.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.0))
    }
}

impl Shared {
    fn working(&self) -> MutexGuard<'_, Option<InterruptHandle>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when there is nothing to interrupt any more.
    fn interrupt(&self) -> bool {
        self.working().as_ref().map(InterruptHandle::interrupt).is_some()
    }
}

/// Work on a connection.
pub(super) struct Working<'a>(&'a Shared);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *self.0.working() = None;
    }
}

/// Somebody waits for the work.
pub(super) struct Waiting(Arc<Shared>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.called_off.store(true, Ordering::SeqCst);
        if self.0.interrupt() {
            let shared = Arc::clone(&self.0);
            // Without a thread, the one interruption has to do.
            let _ = thread::Builder::new().name("interrupt".into()).spawn(move || {
                while shared.interrupt() {
                    thread::park_timeout(AGAIN);
                }
            });
        }
    }
}
