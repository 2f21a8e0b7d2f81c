//! What happens is remembered in a file, once the data directory is ours.

use super::{World, lines::release, world::told_by};
use journal::{Condition, Journal, Life, Ours, Rules};
use report::{Event, Journal as _, Level};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::timeout};

/// Tells what the journal has to say of itself.
#[derive(Default)]
pub(crate) struct Remembered {
    teller: Mutex<Option<JoinHandle<()>>>,
}

impl Remembered {
    /// From now on what happens is remembered, if that is wanted, and what has happened before that too. Call it under the lock of
    /// the single instance.
    pub(super) fn keep(&self, world: &World) {
        let app = &world.app;
        if !app.journal.enabled || !app.keeps_data {
            return;
        }
        let (tell, teller) = told_by(&world.journal);
        let ours = Ours {
            path: app.journal_file(),
            rules: Rules::from(&app.journal),
            life: life(world),
            clock: world.clock.clone(),
        };
        match Journal::begin(ours, tell) {
            Ok(journal) => world.ring.remember(Arc::new(journal)),
            Err(error) => {
                let text = format!("what happens is not remembered: {error}");
                world.journal.note(Event::new("journal.broken", text).level(Level::Error));
            }
        }
        *self.teller.lock().unwrap_or_else(PoisonError::into_inner) = Some(teller);
    }

    /// Writes what waits, as far as it goes within `limit`.
    pub(super) async fn finish(&self, world: &World, limit: Duration) {
        let Some(journal) = world.ring.journal() else { return };
        if !journal.finish(limit).await {
            let text = "the last events are not in the journal: the disk is too slow";
            world.terminal.note(Event::new("journal.late", text).level(Level::Warn));
        }
        let teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(teller) = teller {
            let _ = timeout(limit, teller).await;
        }
    }
}

fn life(world: &World) -> Life {
    Life {
        app: world.app.name.clone(),
        version: control::VERSION.to_owned(),
        release: release(&world.app),
        pid: std::process::id(),
        begun: world.begun,
        ..Life::default()
    }
}

/// How the journal is, in the words of the protocol.
pub(super) fn condition(world: &World) -> control::Journal {
    let seen = world.ring.journal().map(|journal| journal.condition());
    let (verdict, reason) = match &seen {
        Some(seen) => (seen.verdict, seen.reason.as_deref().map(|reason| world.terminal.mask(reason))),
        None => (report::Verdict::Skipped, None),
    };
    let Condition { bytes, dropped, .. } = seen.unwrap_or(Condition { verdict, reason: None, bytes: 0, dropped: 0 });
    let path = world.app.journal_file().display().to_string();
    control::Journal { verdict: verdict.to_string(), reason, path, bytes, dropped }
}
