//! The last events, for those who ask later, and the journal that all of them go into.

use crate::{start::reexec::HandedRing, words::events::told};
use control::{Asked, Events};
use jiff::Timestamp;
use journal::{Journal, Record};
use report::Event;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::timeout};

/// So many events are kept.
const KEPT: usize = 1000;

/// The last events.
pub(crate) struct Ring {
    kept: Mutex<Kept>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Record>,
    /// Where they are remembered, once that is known.
    journal: Option<Arc<Journal>>,
    /// Those up to this number are remembered already.
    remembered: u64,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Keeps an event; `mask` takes secrets out of its texts.
    pub(crate) fn keep(&self, event: &Event, at: SystemTime, mask: impl Fn(&str) -> String) {
        let at = Timestamp::try_from(at).unwrap_or_default();
        let mut kept = self.locked();
        let number = *self.last.borrow() + 1;
        let record = Record::of(event, number, at, mask);
        if let Some(journal) = &kept.journal {
            journal.note(record.clone());
        }
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(record);
        drop(kept);
        self.last.send_replace(number);
    }

    /// From now on events go into `journal`, and those that are here already go before them.
    pub(crate) fn remember(&self, journal: Arc<Journal>) {
        let mut kept = self.locked();
        let new = kept.events.iter().filter(|record| record.number > kept.remembered);
        new.for_each(|record| journal.note(record.clone()));
        kept.journal = Some(journal);
    }

    /// What is handed over to the next version of mainstay.
    pub(crate) fn hand_over(&self) -> HandedRing {
        HandedRing { events: self.locked().events.clone(), last: *self.last.borrow() }
    }

    /// Goes on with what was handed over, all of which is remembered where that was wanted.
    pub(crate) fn take_over(&self, handed: HandedRing) {
        let mut kept = self.locked();
        (kept.events, kept.remembered) = (handed.events, handed.last);
        self.last.send_replace(handed.last);
    }

    /// Where events are remembered.
    pub(crate) fn journal(&self) -> Option<Arc<Journal>> {
        self.locked().journal.clone()
    }

    /// What is asked for; waits for the next one when there is none.
    pub(crate) async fn ask(&self, asked: Asked) -> Events {
        let mut last = self.last.subscribe();
        // The time is up, or there is one: both is told by what is there then.
        let _ = timeout(Duration::from_secs(asked.wait_s), last.wait_for(|last| *last > asked.after)).await;
        let kept = self.locked();
        let new: Vec<_> = kept.events.iter().filter(|event| event.number > asked.after).collect();
        let events = new.iter().skip(new.len().saturating_sub(asked.count)).map(|record| told(record)).collect();
        Events { events, last: *self.last.borrow() }
    }

    fn locked(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(number: usize) -> Ring {
        let ring = Ring::new();
        for number in 1..=number {
            ring.keep(
                &Event::new("test", format!("event {number} hush")).with("n", number),
                SystemTime::UNIX_EPOCH,
                |text| text.replace("hush", "***"),
            );
        }
        ring
    }

    fn asked(after: u64, count: usize) -> Asked {
        Asked { after, count, wait_s: 0 }
    }

    #[tokio::test]
    async fn the_last_events_are_kept_without_secrets() {
        let ring = kept(KEPT + 5);
        let all = ring.ask(asked(0, usize::MAX)).await;
        assert_eq!((all.events.len(), all.events[0].number, all.last), (KEPT, 6, KEPT as u64 + 5));
        assert_eq!(all.events[0].text, "event 6 ***");
        assert_eq!(all.events[0].fields["n"], 6);
        let two = ring.ask(asked(all.last - 3, 2)).await;
        assert_eq!(two.events.iter().map(|event| event.number).collect::<Vec<_>>(), [all.last - 1, all.last]);
        assert_eq!(ring.ask(asked(all.last, 9)).await.events, []);
    }

    #[tokio::test]
    async fn who_asks_for_more_is_told_at_once_when_there_is_more() {
        let ring = kept(1);
        let begun = tokio::time::Instant::now();
        assert_eq!(ring.ask(Asked { wait_s: 1, ..asked(1, 9) }).await.events, []);
        assert!(begun.elapsed().as_secs() >= 1);
        let (more, ()) = tokio::join!(ring.ask(Asked { wait_s: 3600, ..asked(1, 9) }), async {
            ring.keep(&Event::new("test", "more"), SystemTime::UNIX_EPOCH, str::to_owned);
        });
        assert_eq!(more.events[0].number, 2);
    }
}
