//! What it takes to become a later version, and what becomes of that.

use super::Reply;
use crate::{context::Context, texts::Texts};
use host::handover::Door;
use report::Finding;
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What it takes to become a later version, and what becomes of that.
pub(crate) struct Passage {
    /// By which people come to the control socket.
    pub(crate) asking: Door,
    /// By which they come to the health pages.
    pub(crate) looking: Door,
    given: OnceLock<Given>,
    latest: Mutex<Texts>,
    failed: Mutex<Option<String>>,
    wishes: UnboundedSender<Reply>,
    heard: tokio::sync::Mutex<UnboundedReceiver<Reply>>,
}

/// What is known from the start on.
pub(crate) struct Given {
    /// Where another version will be put.
    pub(crate) program: PathBuf,
    /// What was typed behind its name.
    pub(crate) arguments: Vec<String>,
    /// What the application was configured with at the start.
    pub(crate) start: Texts,
    /// How many versions this process was before.
    pub(crate) generation: u64,
    pub(crate) context: Context,
}

impl Default for Passage {
    fn default() -> Self {
        let (wishes, heard) = unbounded_channel();
        Self {
            asking: Door::default(),
            looking: Door::default(),
            given: OnceLock::new(),
            latest: Mutex::default(),
            failed: Mutex::default(),
            wishes,
            heard: tokio::sync::Mutex::new(heard),
        }
    }
}

impl Passage {
    /// One that leads somewhere. `latest` is what the application is configured with by now.
    pub(crate) fn with(given: Given, latest: Texts) -> Self {
        Self { given: OnceLock::from(given), latest: Mutex::new(latest), ..Self::default() }
    }

    pub(super) fn given(&self) -> Option<&Given> {
        self.given.get()
    }

    /// How many versions this process was before.
    pub(crate) fn generation(&self) -> u64 {
        self.given.get().map(|given| given.generation).unwrap_or_default()
    }

    /// What the application is configured with by now.
    pub(super) fn latest(&self) -> Texts {
        locked(&self.latest).clone()
    }

    /// It is configured anew.
    pub(crate) fn reloaded(&self, texts: Texts) {
        *locked(&self.latest) = texts;
    }

    /// Somebody wishes that the other version takes over.
    pub(crate) fn wish(&self, reply: Reply) {
        // Whoever waits for an answer sees that nobody hears.
        let _ = self.wishes.send(reply);
    }

    /// The next wish. Safe to drop and call again.
    pub(crate) async fn wished(&self) -> Reply {
        match self.heard.lock().await.recv().await {
            Some(reply) => reply,
            None => std::future::pending().await,
        }
    }

    /// Does another program stand in our place?
    pub(crate) fn leads_elsewhere(&self) -> bool {
        self.given.get().is_some_and(|given| host::handover::is_another(&given.program))
    }

    pub(super) fn begins(&self) {
        *locked(&self.failed) = None;
    }

    pub(super) fn failed(&self, finding: &Finding) {
        let all = [finding.summary.clone()].into_iter().chain(finding.seen.iter().cloned());
        *locked(&self.failed) = Some(all.collect::<Vec<_>>().join(": "));
    }

    /// Why the last try has failed.
    pub(crate) fn why_failed(&self) -> Option<String> {
        locked(&self.failed).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
