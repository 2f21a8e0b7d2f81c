//! What waits for the disk: bounded, and taken as a whole by who writes it.

use crate::Record;
use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// So many bytes may wait; what comes then is left out and counted.
const LIMIT: usize = 2 << 20;

/// Events are gathered for so long before they are written together…
const GATHER: Duration = Duration::from_millis(100);

/// …unless they are so many already.
const MANY: usize = LIMIT / 4;

/// What comes next for who writes.
pub(crate) enum Next {
    /// Events, and how many were left out since the last time.
    Records(Vec<Record>, u64),
    /// Nothing came for as long as was waited.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

pub(crate) struct Buffer {
    state: Mutex<State>,
    filled: Condvar,
    /// So many events were written or given up.
    settled: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    weight: usize,
    taken: u64,
    /// Left out and not told yet.
    lost: u64,
    lost_ever: u64,
    /// When the oldest of those that are not settled came.
    waiting_since: Option<Instant>,
    asleep: bool,
    urgent: bool,
    closed: bool,
}

impl Buffer {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), filled: Condvar::new(), settled: watch::Sender::new(0) }
    }

    /// Takes an event; never waits.
    pub(crate) fn take(&self, record: Record) {
        let mut state = self.state();
        let weight = record.weight();
        if state.closed || state.weight + weight > LIMIT {
            state.lost += 1;
            state.lost_ever += 1;
            return;
        }
        state.waiting_since.get_or_insert_with(Instant::now);
        let was_few = state.weight < MANY;
        state.weight += weight;
        state.taken += 1;
        state.records.push(record);
        if std::mem::take(&mut state.asleep) || was_few && state.weight >= MANY {
            self.filled.notify_one();
        }
    }

    /// Waits for events, `limit` or for ever, and gathers those that come at once.
    pub(crate) fn next(&self, limit: Option<Duration>) -> Next {
        let mut state = self.state();
        if state.records.is_empty() && !state.closed {
            state.asleep = true;
            state = self.wait(state, limit);
            state.asleep = false;
        }
        let end = Instant::now() + GATHER;
        while !state.records.is_empty() && !state.closed && !state.urgent && state.weight < MANY {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wait(state, Some(left));
        }
        state.urgent = false;
        if state.records.is_empty() {
            return if state.closed { Next::Closed } else { Next::Nothing };
        }
        state.weight = 0;
        Next::Records(std::mem::take(&mut state.records), std::mem::take(&mut state.lost))
    }

    /// Waits `limit`, less when somebody is in a hurry; false when nothing will come any more.
    pub(crate) fn pause(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.state();
        while !state.closed && !state.urgent && Instant::now() < end {
            state = self.wait(state, Some(end.saturating_duration_since(Instant::now())));
        }
        state.urgent = false;
        !state.closed
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Option<Duration>) -> MutexGuard<'a, State> {
        match limit {
            Some(limit) => self.filled.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0,
            None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// So many were written, or given up.
    pub(crate) fn settle(&self, many: usize) {
        let mut state = self.state();
        self.settled.send_modify(|settled| *settled += many as u64);
        state.waiting_since = (!state.records.is_empty()).then(Instant::now);
    }

    /// Those that were given up count as left out.
    pub(crate) fn give_up(&self, many: usize) {
        self.state().lost_ever += many as u64;
        self.settle(many);
    }

    /// Resolves when all that was taken so far is settled; false when that takes longer than `limit`.
    pub(crate) async fn settled(&self, limit: Duration) -> bool {
        let taken = {
            let mut state = self.state();
            if *self.settled.borrow() >= state.taken {
                return true;
            }
            state.urgent = true;
            state.taken
        };
        self.filled.notify_one();
        let mut settled = self.settled.subscribe();
        let all = settled.wait_for(|settled| *settled >= taken);
        matches!(timeout(limit, all).await, Ok(Ok(_)))
    }

    /// Is all that was taken settled?
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state();
        *self.settled.borrow() >= state.taken
    }

    /// How many were left out so far, and for how long the oldest waits.
    pub(crate) fn backlog(&self) -> (u64, Duration) {
        let state = self.state();
        (state.lost_ever, state.waiting_since.map(|since| since.elapsed()).unwrap_or_default())
    }

    /// Nothing is taken any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use report::Event;

    fn record(text: &str) -> Record {
        Record::of(&Event::new("test", text), 1, Timestamp::UNIX_EPOCH, str::to_owned)
    }

    /// Issue 4, item 7: what does not fit is left out and counted; nobody waits.
    #[tokio::test]
    async fn what_does_not_fit_is_counted() {
        let buffer = Buffer::new();
        let long = "x".repeat(4000);
        (0..1000).for_each(|_| buffer.take(record(&long)));
        let Next::Records(records, lost) = buffer.next(None) else { panic!("there are some") };
        assert_eq!((records.len() as u64 + lost, lost > 400), (1000, true));
        assert_eq!(buffer.backlog().0, lost);
        assert!(!buffer.settled(Duration::from_millis(5)).await, "they are not written yet");
        buffer.settle(records.len());
        assert!(buffer.settled(Duration::from_millis(5)).await);
        assert!(matches!(buffer.next(Some(Duration::ZERO)), Next::Nothing));
    }

    #[test]
    fn after_the_end_nothing_is_taken() {
        let buffer = Buffer::new();
        buffer.take(record("last"));
        buffer.close();
        buffer.take(record("too late"));
        assert!(matches!(buffer.next(None), Next::Records(records, 1) if records.len() == 1));
        assert!(matches!(buffer.next(None), Next::Closed) && !buffer.pause(Duration::MAX / 4));
    }
}
