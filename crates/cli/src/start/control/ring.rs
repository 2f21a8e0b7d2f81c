//! The last events, for those who ask later.

use control::{Asked, Events};
use jiff::{Timestamp, Unit};
use report::Event;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::timeout};

/// So many events are kept.
const KEPT: usize = 1000;

/// The last events.
pub(crate) struct Ring {
    events: Mutex<VecDeque<control::Event>>,
    last: watch::Sender<u64>,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self { events: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Keeps an event; `mask` takes secrets out of its texts.
    pub(crate) fn keep(&self, event: &Event, at: SystemTime, mask: impl Fn(&str) -> String) {
        let mut events = self.locked();
        let number = *self.last.borrow() + 1;
        if events.len() == KEPT {
            events.pop_front();
        }
        events.push_back(written(event, number, at, mask));
        drop(events);
        self.last.send_replace(number);
    }

    /// What is asked for; waits for the next one when there is none.
    pub(crate) async fn ask(&self, asked: Asked) -> Events {
        let mut last = self.last.subscribe();
        // The time is up, or there is one: both is told by what is there then.
        let _ = timeout(Duration::from_secs(asked.wait_s), last.wait_for(|last| *last > asked.after)).await;
        let events = self.locked();
        let new: Vec<_> = events.iter().filter(|event| event.number > asked.after).collect();
        let events = new.iter().skip(new.len().saturating_sub(asked.count)).map(|event| (*event).clone()).collect();
        Events { events, last: *self.last.borrow() }
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<control::Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(event: &Event, number: u64, at: SystemTime, mask: impl Fn(&str) -> String) -> control::Event {
    let field = |(name, value): &(&str, report::Value)| {
        let value = serde_json::to_value(value).unwrap_or_default();
        let value = value.as_str().map(|text| mask(text).into()).unwrap_or(value);
        ((*name).to_owned(), value)
    };
    control::Event {
        number,
        time: rfc3339(at),
        level: event.level.to_string(),
        event: event.name.to_owned(),
        text: mask(&event.text),
        fields: event.fields.iter().map(field).collect(),
    }
}

/// To the millisecond, in UTC.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{:.3}", time.round(Unit::Millisecond).unwrap_or(time))
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
