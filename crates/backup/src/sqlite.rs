//! SQLite: copies of files that others write to meanwhile.
//!
//! One read transaction sees the database at one instant: from it the pages are copied, and in it the rows are counted and
//! hashed. With a write-ahead log writers go on meanwhile, and the copy ends whatever they do.

mod checkpoint;
mod content;
mod copy;
mod identity;
mod swap;
mod vacuum;

pub(crate) use copy::{content_now, numbers, prove, take};
pub(crate) use identity::{identity, identity_of, look};
pub(crate) use swap::{Old, alone, is_kept, let_go, put_back, swap};
pub use vacuum::Swept;
pub(crate) use vacuum::vacuum;

use crate::BackupError;
use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::task::spawn_blocking;

/// The file of a copy.
pub(crate) const FILE: &str = "database.sqlite.zst";

/// Tells the thread that works that nobody waits for it any more.
#[derive(Clone, Default)]
pub(crate) struct CallOff(Arc<AtomicBool>);

impl CallOff {
    pub(crate) fn called_off(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Held by whoever waits.
struct Waiting(CallOff);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Files and SQLite block; the runtime must not. What `act` is given tells it when nobody waits any more.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce(&CallOff) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let call_off = CallOff::default();
    let waiting = Waiting(call_off.clone());
    let result = spawn_blocking(move || act(&call_off)).await;
    drop(waiting);
    match result {
        Ok(result) => result,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // Only a runtime that shuts down cancels it, and then nobody reads this.
        Err(error) => Err(BackupError::files("the work was called off", std::io::Error::other(error))),
    }
}
