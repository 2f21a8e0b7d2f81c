//! What it takes to become a later version, and what becomes of that.

use super::Wish;
use crate::{context::Context, texts::Texts};
use host::handover::Door;
use report::Finding;
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// What it takes to become a later version, and what becomes of that.
pub(crate) struct Passage {
    /// By which people come to the control socket.
    pub(crate) asking: Door,
    /// By which they come to the health pages.
    pub(crate) looking: Door,
    given: OnceLock<Given>,
    latest: Mutex<Texts>,
    failed: Mutex<Option<String>>,
    waits: Mutex<Option<String>>,
    wishes: UnboundedSender<Wish>,
    heard: tokio::sync::Mutex<UnboundedReceiver<Wish>>,
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
            waits: Mutex::default(),
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
    pub(crate) fn wish(&self, wish: Wish) {
        // Whoever waits for an answer sees that nobody hears.
        let _ = self.wishes.send(wish);
    }

    /// It is tried again in a moment. Says whether `why` is news.
    pub(super) fn again(&self, wish: Wish, why: &str) -> bool {
        let wishes = self.wishes.clone();
        tokio::spawn(async move {
            sleep(PAUSE).await;
            let _ = wishes.send(wish);
        });
        locked(&self.waits).replace(why.to_owned()).is_none_or(|before| before != why)
    }

    /// Nothing is waited for any more.
    pub(super) fn waited(&self) {
        *locked(&self.waits) = None;
    }

    /// What has to end before the other version takes over, where somebody wishes that.
    pub(crate) fn waits_for(&self) -> Option<String> {
        locked(&self.waits).clone()
    }

    /// The next wish. Safe to drop and call again.
    pub(crate) async fn wished(&self) -> Wish {
        match self.heard.lock().await.recv().await {
            Some(wish) => wish,
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
