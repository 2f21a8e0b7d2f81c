//! How far a copy or a restore has come, for whoever watches.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doing {
    /// What is in the database is read; in bytes.
    Copying,
    /// The copy of an SQLite file is compressed; in bytes.
    Packing,
    /// What is stored is read again; in bytes.
    ReadingBack,
    /// A database is made of the copy; in bytes.
    Restoring,
    /// That database is compared with what the source was; in rows.
    Comparing,
}

const KINDS: usize = 5;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What.
    pub doing: Doing,
    /// How much of it is done.
    pub done: u64,
    /// Of how much, where that is known; after a copy like it was taken once, about.
    pub of: Option<u64>,
}

/// Shared by those who work and whoever watches.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    doing: Option<Doing>,
    // A restore may go on beside the copying.
    done: [u64; KINDS],
    of: [Option<u64>; KINDS],
}

impl Progress {
    /// What is being done now; nothing before the first thing.
    pub fn look(&self) -> Option<Look> {
        let state = self.state();
        state.doing.map(|doing| Look { doing, done: state.done[doing as usize], of: state.of[doing as usize] })
    }

    /// From now on this is what is shown.
    pub(crate) fn begin(&self, doing: Doing, of: Option<u64>) {
        let mut state = self.state();
        state.doing = Some(doing);
        state.of[doing as usize] = of;
    }

    /// The same for what is done for the first time, or once more.
    pub(crate) fn begin_anew(&self, doing: Doing, of: Option<u64>) {
        self.state().done[doing as usize] = 0;
        self.begin(doing, of);
    }

    /// So much more of it is done.
    pub(crate) fn add(&self, doing: Doing, more: u64) {
        self.state().done[doing as usize] += more;
    }

    /// Counts what is written through to `to`.
    pub(crate) fn counting<W: Write>(&self, doing: Doing, to: W) -> Counting<W> {
        Counting { to, doing, progress: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what is written.
pub(crate) struct Counting<W> {
    to: W,
    doing: Doing,
    progress: Progress,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.progress.add(self.doing, written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: a restore that goes on beside the copying is shown once that is done, with all that it has done so far.
    #[test]
    fn what_goes_on_beside_is_counted() {
        let progress = Progress::default();
        assert_eq!(progress.look(), None);
        progress.begin_anew(Doing::Copying, None);
        progress.add(Doing::Copying, 9);
        progress.add(Doing::Restoring, 4);
        assert_eq!(progress.look(), Some(Look { doing: Doing::Copying, done: 9, of: None }));
        progress.begin(Doing::Restoring, Some(9));
        assert_eq!(progress.look(), Some(Look { doing: Doing::Restoring, done: 4, of: Some(9) }));
    }
}
