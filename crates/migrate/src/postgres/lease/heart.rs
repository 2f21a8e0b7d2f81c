//! Renews a lease in time, on a connection of its own.

use super::row::Row;
use crate::{MigrateError, lock::lease::Vigil};
use config::dsn::PostgresDsn;
use database::postgres::{Session, connect};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// The task that renews a lease; it ends with this.
pub(super) struct Heart {
    vigil: Shared,
    task: JoinHandle<()>,
}

/// What is renewed, and how the server is reached.
pub(super) struct Beat {
    pub(super) dsn: PostgresDsn,
    pub(super) name: String,
    pub(super) row: Row,
    pub(super) token: i64,
    pub(super) length: Duration,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Vigil>>);

impl Shared {
    fn get(&self) -> MutexGuard<'_, Vigil> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heart {
    /// The lease was asked for at `asked`, and given.
    pub(super) fn start(beat: Beat, asked: Instant) -> Self {
        let vigil = Shared(Arc::new(Mutex::new(Vigil::new(beat.length, asked))));
        let task = tokio::spawn(beat.forever(vigil.clone()));
        Self { vigil, task }
    }

    /// As far as we know.
    pub(super) fn is_ours(&self) -> bool {
        self.vigil.get().is_ours(Instant::now())
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Beat {
    /// Until the lease is somebody else's. A server that cannot be reached is tried again: the row may still be ours.
    async fn forever(self, vigil: Shared) {
        let mut session = None;
        loop {
            let wait = vigil.get().next_beat();
            sleep(wait).await;
            let asked = Instant::now();
            match timeout(self.length / 3, self.once(&mut session)).await {
                Ok(Ok(true)) => vigil.get().renewed(asked),
                Ok(Ok(false)) => return vigil.get().lost(),
                Ok(Err(_)) | Err(_) => {
                    vigil.get().failed();
                    session = None;
                }
            }
        }
    }

    async fn once(&self, session: &mut Option<Session>) -> Result<bool, MigrateError> {
        let open = match session.take() {
            Some(open) => open,
            None => connect(&self.dsn, &self.name, self.length / 3).await.map_err(MigrateError::Refused)?,
        };
        self.row.renew(session.insert(open), self.token, self.length).await
    }
}
