//! What waits for the disk: bounded, and taken as a whole by who writes it.

use host::Clock;
use jiff::Timestamp;
use report::Stream;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// A batch that was larger once gives its memory back.
const SMALL: usize = 64 * 1024;

/// Whole lines of one service that came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The place of its name among [`Batch::services`].
    pub(crate) service: usize,
    pub(crate) stream: Stream,
    pub(crate) at: Timestamp,
    /// In bytes.
    pub(crate) len: usize,
    /// So many lines of the service were left out just before these.
    pub(crate) lost: u64,
}

/// All that has come since the last one was taken.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) services: Vec<Arc<str>>,
}

/// What comes next for who writes.
pub(crate) enum Next {
    Lines,
    /// Nothing came for as long as was waited.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

pub(crate) struct Buffer {
    limit: usize,
    drops: bool,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    filled: Condvar,
    emptied: Notify,
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// Bytes that are being written.
    in_work: usize,
    /// Lines left out of each service, not told yet.
    lost: Vec<u64>,
    closed: bool,
    asleep: bool,
}

impl State {
    fn waiting(&self) -> usize {
        self.batch.bytes.len() + self.in_work
    }

    fn place_of(&mut self, service: &str) -> usize {
        let found = self.batch.services.iter().position(|known| **known == *service);
        found.unwrap_or_else(|| {
            self.batch.services.push(service.into());
            self.lost.push(0);
            self.lost.len() - 1
        })
    }
}

impl Buffer {
    /// Holds `limit` bytes, and what was read meanwhile; with `drops` never more.
    pub(crate) fn new(limit: usize, drops: bool, clock: Arc<dyn Clock>) -> Self {
        let (state, filled, emptied) = (Mutex::default(), Condvar::new(), Notify::new());
        Self { limit, drops, clock, state, filled, emptied }
    }

    /// Takes whole lines, each with its end.
    pub(crate) fn take(&self, service: &str, stream: Stream, block: &[u8]) {
        let at = Timestamp::try_from(self.clock.now()).unwrap_or_default();
        let mut state = self.state();
        let service = state.place_of(service);
        let waiting = state.waiting();
        if state.closed || self.drops && waiting > 0 && waiting + block.len() > self.limit {
            state.lost[service] += memchr::memchr_iter(b'\n', block).count() as u64;
            return;
        }
        let lost = std::mem::take(&mut state.lost[service]);
        state.batch.bytes.extend_from_slice(block);
        state.batch.pieces.push(Piece { service, stream, at, len: block.len(), lost });
        if std::mem::take(&mut state.asleep) {
            self.filled.notify_one();
        }
    }

    /// Resolves when there is room, or when nobody has to wait for it.
    pub(crate) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.drops || self.has_room() {
                return;
            }
            emptied.await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        state.closed || state.waiting() < self.limit
    }

    /// Waits for lines, and puts them into `batch`, whose memory is used again.
    pub(crate) fn next(&self, batch: &mut Batch, limit: Duration) -> Next {
        batch.bytes.clear();
        batch.pieces.clear();
        let mut state = self.state();
        state.in_work = 0;
        self.emptied.notify_waiters();
        if state.batch.pieces.is_empty() && !state.closed {
            // Nobody knows when more will come.
            batch.bytes.shrink_to(SMALL);
            state.batch.bytes.shrink_to(SMALL);
            state.asleep = true;
            state = self.filled.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
        }
        self.tell_of_lost(&mut state);
        if state.batch.pieces.is_empty() {
            return if state.closed { Next::Closed } else { Next::Nothing };
        }
        let services = state.batch.services.clone();
        std::mem::swap(&mut state.batch, batch);
        state.batch.services = services;
        state.in_work = batch.bytes.len();
        Next::Lines
    }

    /// Lines that were left out after all others are told by a piece of their own.
    fn tell_of_lost(&self, state: &mut State) {
        let at = Timestamp::try_from(self.clock.now()).unwrap_or_default();
        for (service, lost) in state.lost.iter_mut().enumerate().filter(|(_, lost)| **lost > 0) {
            let lost = std::mem::take(lost);
            state.batch.pieces.push(Piece { service, stream: Stream::Stdout, at, len: 0, lost });
        }
    }

    /// Nothing is taken any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
        self.emptied.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::SystemClock;

    fn buffer(drops: bool) -> Buffer {
        Buffer::new(10, drops, Arc::new(SystemClock))
    }

    fn taken(buffer: &Buffer, batch: &mut Batch) -> Vec<(usize, usize, u64)> {
        match buffer.next(batch, Duration::ZERO) {
            Next::Lines => batch.pieces.iter().map(|piece| (piece.service, piece.len, piece.lost)).collect(),
            Next::Nothing | Next::Closed => Vec::new(),
        }
    }

    /// S2.11: `drop` counts what it leaves out, where it is left out.
    #[test]
    fn what_does_not_fit_is_counted() {
        let (buffer, mut batch) = (buffer(true), Batch::default());
        buffer.take("a", Stream::Stdout, b"12345678\n");
        buffer.take("b", Stream::Stdout, b"1\n2\n");
        buffer.take("a", Stream::Stdout, b"1\n");
        assert_eq!(taken(&buffer, &mut batch), [(0, 9, 0), (0, 0, 1), (1, 0, 2)]);
        buffer.take("b", Stream::Stderr, b"1234567890\n");
        assert_eq!(taken(&buffer, &mut batch), [(1, 0, 1)], "what is being written counts too");
        buffer.take("b", Stream::Stderr, b"1234567890\n");
        assert_eq!(taken(&buffer, &mut batch), [(1, 11, 0)], "one block always fits");
        assert_eq!(taken(&buffer, &mut batch), []);
    }

    /// S2.11: `block` loses nothing; there is room again once it was written.
    #[tokio::test]
    async fn who_is_too_fast_waits() {
        let (buffer, mut batch) = (buffer(false), Batch::default());
        buffer.room().await;
        buffer.take("a", Stream::Stdout, b"123456789\n");
        buffer.take("a", Stream::Stdout, b"more\n");
        let waits = tokio::time::timeout(Duration::from_millis(5), buffer.room()).await;
        assert!(waits.is_err());
        assert_eq!(taken(&buffer, &mut batch), [(0, 10, 0), (0, 5, 0)]);
        assert!(tokio::time::timeout(Duration::from_millis(5), buffer.room()).await.is_err(), "it is not written yet");
        taken(&buffer, &mut batch);
        buffer.room().await;
        buffer.close();
        assert!(matches!(buffer.next(&mut batch, Duration::MAX), Next::Closed));
    }
}
