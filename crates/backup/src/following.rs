//! A file that is read while it is still being written: what is read is what lies there, and its end is told by the writer.

use std::{
    fs::File,
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What the writer and the reader of one file share.
#[derive(Clone, Default)]
pub(crate) struct Growth(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    /// For the reader, until he has taken it: the file has another name later.
    file: Option<File>,
    written: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Whole,
    Broken,
}

/// Held by whoever writes. Dropped before the file is whole, it tells the reader so.
pub(crate) struct Growing(Growth);

/// Reads along.
pub(crate) struct Following {
    growth: Growth,
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
    waited: Duration,
}

/// What was read along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Of all bytes.
    pub(crate) blake3: String,
    /// How many.
    pub(crate) bytes: u64,
    /// So long the reader waited for the writer.
    pub(crate) waited: Duration,
}

impl Growth {
    /// Begins a file, which is read through `file`. One that was given up once stays so: its reader has half of another one.
    pub(crate) fn begin(&self, file: File) -> Growing {
        let mut state = self.state();
        if state.end == End::Open {
            state.file = Some(file);
        }
        drop(state);
        self.0.1.notify_all();
        Growing(self.clone())
    }

    /// Whoever holds it means to write.
    pub(crate) fn intent(&self) -> Growing {
        Growing(self.clone())
    }

    /// Waits until the file is begun. Blocks.
    ///
    /// # Errors
    /// It never will be.
    pub(crate) fn follow(&self) -> io::Result<Following> {
        let mut state = self.state();
        loop {
            if let Some(file) = state.file.take() {
                let (growth, hasher) = (self.clone(), blake3::Hasher::new());
                return Ok(Following { growth, file, hasher, bytes: 0, waited: Duration::ZERO });
            }
            if state.end != End::Open {
                return Err(given_up());
            }
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, end: End) {
        let mut state = self.state();
        if state.end == End::Open {
            state.end = end;
        }
        drop(state);
        self.0.1.notify_all();
    }
}

impl Growing {
    /// So many more bytes are there.
    pub(crate) fn grew(&self, bytes: usize) {
        self.0.state().written += bytes as u64;
        self.0.0.1.notify_all();
    }

    /// All of it is there.
    pub(crate) fn whole(self) {
        self.0.end(End::Whole);
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.0.end(End::Broken);
    }
}

impl Following {
    /// What was read, once it was read to its end.
    pub(crate) fn end(mut self) -> io::Result<Followed> {
        io::copy(&mut self, &mut io::sink())?;
        let blake3 = self.hasher.finalize().to_hex().to_string();
        Ok(Followed { blake3, bytes: self.bytes, waited: self.waited })
    }

    /// How much can be read now; nothing at the end.
    fn there(&mut self) -> io::Result<u64> {
        let mut state = self.growth.state();
        let mut begun = None;
        while state.written == self.bytes && state.end == End::Open {
            begun.get_or_insert_with(Instant::now);
            state = self.growth.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (there, end) = (state.written - self.bytes, state.end);
        drop(state);
        self.waited += begun.map(|begun| begun.elapsed()).unwrap_or_default();
        if end == End::Broken { Err(given_up()) } else { Ok(there) }
    }
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let there = usize::try_from(self.there()?).unwrap_or(usize::MAX);
        let most = there.min(buffer.len());
        let some = self.file.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..some]);
        self.bytes += some as u64;
        Ok(some)
    }
}

fn given_up() -> io::Error {
    io::Error::other("it was not written to its end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use testkit::TempDir;

    fn file(dir: &TempDir) -> (File, File) {
        let path = dir.path().join("a");
        (host::fs::create(&path, 0o600).unwrap(), host::fs::open(&path).unwrap())
    }

    /// S1.16: who reads along has the very bytes of the file, however they come.
    #[test]
    fn a_reader_gets_all_that_is_written() {
        let (dir, growth) = (TempDir::new(), Growth::default());
        let (mut to, from) = file(&dir);
        let reader = growth.clone();
        let reading = std::thread::spawn(move || {
            let (mut following, mut read) = (reader.follow()?, Vec::new());
            following.read_to_end(&mut read)?;
            following.end().map(|followed| (followed, read))
        });
        let growing = growth.begin(from);
        let mut all = Vec::new();
        for number in 0..200_u32 {
            let piece = vec![number as u8; (number as usize * 37) % 4096];
            to.write_all(&piece).unwrap();
            growing.grew(piece.len());
            all.extend(piece);
        }
        growing.whole();
        let (followed, read) = reading.join().unwrap().unwrap();
        assert!(read == all, "{} bytes were read of {}", read.len(), all.len());
        assert_eq!((followed.bytes, followed.blake3), (all.len() as u64, blake3::hash(&all).to_hex().to_string()));
    }

    /// S1.16: half a file is never taken for a whole one, nor does anybody wait for ever.
    #[test]
    fn a_file_that_is_given_up_is_told() {
        let (dir, growth) = (TempDir::new(), Growth::default());
        let (_to, from) = file(&dir);
        let intent = growth.intent();
        drop(growth.begin(from));
        let mut following = growth.follow().unwrap();
        assert!(following.read_to_end(&mut Vec::new()).is_err());
        drop(intent);
        let never = Growth::default();
        drop(never.intent());
        assert!(never.follow().is_err());
    }
}
