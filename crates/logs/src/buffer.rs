//! What waits for the disk: bounded, and taken as a whole by who writes it.

use host::Clock;
use jiff::Timestamp;
use report::Stream;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// A batch that was larger once gives its memory back…
const SMALL: usize = 64 * 1024;

/// …when nothing has come for so long: to take it anew for each batch costs more than to write it.
const QUIET: Duration = Duration::from_secs(1);

/// Smaller blocks are copied: they would hold more memory than they fill.
const WORTH_KEEPING: usize = 16 * 1024;

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The service.
    pub service: &'a str,
    /// Its release, where that is another one than [`crate::Ours`] tells.
    pub release: Option<&'a Arc<str>>,
}

impl<'a> From<&'a str> for Source<'a> {
    fn from(service: &'a str) -> Self {
        Self { service, release: None }
    }
}

/// Whole lines of one service that came together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The place of its name among [`Batch::services`].
    pub(crate) service: usize,
    /// Of which release they are, where that is another one than that of all.
    pub(crate) release: Option<Arc<str>>,
    pub(crate) stream: Stream,
    pub(crate) at: Timestamp,
    pub(crate) body: Body,
    /// So many lines of the service were left out just before these.
    pub(crate) lost: u64,
}

/// Where the lines of a piece are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes of [`Batch::bytes`], behind those of the pieces before.
    Copied(usize),
    /// In a block of their own.
    Kept(Vec<u8>),
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

impl Body {
    /// The lines; those that were copied are the next of `copied`, which is shortened by them.
    pub(crate) fn lines<'l, 'b: 'l>(&'l self, copied: &mut &'b [u8]) -> &'l [u8] {
        match self {
            Body::Copied(len) => {
                let (lines, later) = copied.split_at(*len);
                *copied = later;
                lines
            }
            Body::Kept(block) => block,
        }
    }
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
    /// Bytes that came and are not written yet.
    waiting: usize,
    /// Of those, the ones that are being written.
    in_work: usize,
    /// Blocks whose lines are written, to be filled again.
    spare: Vec<Vec<u8>>,
    /// Lines left out of each service, not told yet.
    lost: Vec<u64>,
    /// Somebody writes what was taken last.
    busy: bool,
    closed: bool,
    asleep: bool,
}

impl State {
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
    pub(crate) fn take<'a>(&self, from: impl Into<Source<'a>>, stream: Stream, block: &[u8]) {
        let mut state = self.state();
        if let Some(piece) = self.admit(&mut state, from.into(), stream, block) {
            state.batch.bytes.extend_from_slice(block);
            self.add(state, piece);
        }
    }

    /// The same with a block of its own, for which another one comes back, to be filled next.
    pub(crate) fn keep<'a>(&self, from: impl Into<Source<'a>>, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        let from = from.into();
        if block.len() < WORTH_KEEPING {
            self.take(from, stream, &block);
            return block;
        }
        let mut state = self.state();
        let Some(piece) = self.admit(&mut state, from, stream, &block) else { return block };
        let spare = state.spare.pop().unwrap_or_default();
        self.add(state, Piece { body: Body::Kept(block), ..piece });
        spare
    }

    /// The piece that these lines are to be; nothing when they are left out.
    fn admit(&self, state: &mut State, from: Source<'_>, stream: Stream, lines: &[u8]) -> Option<Piece> {
        let service = state.place_of(from.service);
        let waiting = state.waiting;
        if state.closed || self.drops && waiting > 0 && waiting + lines.len() > self.limit {
            state.lost[service] += memchr::memchr_iter(b'\n', lines).count() as u64;
            return None;
        }
        state.waiting += lines.len();
        let (at, lost) = (self.now(), std::mem::take(&mut state.lost[service]));
        let release = from.release.cloned();
        Some(Piece { service, release, stream, at, body: Body::Copied(lines.len()), lost })
    }

    fn add(&self, mut state: MutexGuard<'_, State>, piece: Piece) {
        state.batch.pieces.push(piece);
        let asleep = std::mem::take(&mut state.asleep);
        drop(state);
        if asleep {
            self.filled.notify_one();
        }
    }

    /// So many of the bytes that are being written are written; the block in which they were may be filled again.
    pub(crate) fn written(&self, bytes: usize, block: Option<Vec<u8>>) {
        let mut state = self.state();
        state.spare.extend(block);
        let bytes = bytes.min(state.in_work);
        self.make_room(&mut state, bytes);
    }

    /// Who waits is woken when there is room for a good deal, not for each block anew.
    fn make_room(&self, state: &mut State, bytes: usize) {
        state.in_work -= bytes;
        state.waiting -= bytes;
        if bytes > 0 && state.waiting <= self.limit / 2 {
            self.emptied.notify_waiters();
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
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

    /// Resolves when nothing waits to be written.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Has all been written that was taken?
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.state();
        !state.busy && state.batch.pieces.is_empty()
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        state.closed || state.waiting < self.limit
    }

    /// Waits for lines, and puts them into `batch`, whose memory is used again.
    pub(crate) fn next(&self, batch: &mut Batch, limit: Duration) -> Next {
        batch.bytes.clear();
        batch.pieces.clear();
        let mut state = self.state();
        let written = state.in_work;
        self.make_room(&mut state, written);
        if std::mem::take(&mut state.busy) {
            self.emptied.notify_waiters();
        }
        if state.batch.pieces.is_empty() && !state.closed {
            let copied = batch.bytes.capacity().max(state.batch.bytes.capacity());
            let large = copied > SMALL || !state.spare.is_empty();
            let limit = if large { limit.min(QUIET) } else { limit };
            state.asleep = true;
            state = self.filled.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0;
            state.asleep = false;
            if state.batch.pieces.is_empty() {
                batch.bytes.shrink_to(SMALL);
                state.batch.bytes.shrink_to(SMALL);
                state.spare.clear();
            }
        }
        self.tell_of_lost(&mut state);
        if state.batch.pieces.is_empty() {
            return if state.closed { Next::Closed } else { Next::Nothing };
        }
        let services = state.batch.services.clone();
        std::mem::swap(&mut state.batch, batch);
        state.batch.services = services;
        (state.in_work, state.busy) = (state.waiting, true);
        Next::Lines
    }

    /// Lines that were left out after all others are told by a piece of their own.
    fn tell_of_lost(&self, state: &mut State) {
        let at = self.now();
        for (service, lost) in state.lost.iter_mut().enumerate().filter(|(_, lost)| **lost > 0) {
            let lost = std::mem::take(lost);
            state.batch.pieces.push(Piece {
                service,
                release: None,
                stream: Stream::Stdout,
                at,
                body: Body::Copied(0),
                lost,
            });
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
            Next::Lines => {
                let mut copied = batch.bytes.as_slice();
                let mut len = |body: &Body| body.lines(&mut copied).len();
                batch.pieces.iter().map(|piece| (piece.service, len(&piece.body), piece.lost)).collect()
            }
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

    /// S2.11: large blocks are passed on as they are, in order with small ones, and their memory is filled again.
    #[test]
    fn large_blocks_are_not_copied() {
        let buffer = Buffer::new(1 << 20, false, Arc::new(SystemClock));
        let (large, mut batch) = (vec![b'\n'; WORTH_KEEPING], Batch::default());
        let at = large.as_ptr();
        buffer.take("a", Stream::Stdout, b"one\n");
        assert!(buffer.keep("a", Stream::Stdout, large).is_empty());
        assert_eq!(buffer.keep("a", Stream::Stdout, b"two\n".to_vec()), b"two\n");
        assert_eq!(taken(&buffer, &mut batch), [(0, 4, 0), (0, WORTH_KEEPING, 0), (0, 4, 0)]);
        assert_eq!(batch.bytes, b"one\ntwo\n");
        let Body::Kept(block) = batch.pieces.remove(1).body else { panic!("it was copied") };
        buffer.written(block.len(), Some(block));
        let given_back = buffer.keep("a", Stream::Stdout, vec![b'\n'; WORTH_KEEPING]);
        assert_eq!(given_back.as_ptr(), at);
    }

    /// S2.11: there is room again as soon as a part is written, not only when all is.
    #[tokio::test]
    async fn there_is_room_piece_by_piece() {
        let (buffer, mut batch) = (Buffer::new(2 * WORTH_KEEPING, false, Arc::new(SystemClock)), Batch::default());
        (0..3).for_each(|_| drop(buffer.keep("a", Stream::Stdout, vec![b'\n'; WORTH_KEEPING])));
        assert_eq!(taken(&buffer, &mut batch).len(), 3);
        buffer.written(WORTH_KEEPING, None);
        assert!(tokio::time::timeout(Duration::from_millis(5), buffer.room()).await.is_err());
        buffer.written(WORTH_KEEPING, None);
        buffer.room().await;
        buffer.written(usize::MAX, None);
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
