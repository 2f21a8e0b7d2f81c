//! What a build writes: told as it comes, kept in a file, its last lines in memory.

use super::BUILD;
use host::fs::Growing;
use report::{Lines, Stream};
use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The file takes no more bytes: who writes without end must not fill the disk.
pub(super) const LARGEST: u64 = 64 << 20;
/// So many lines are remembered.
const REMEMBERED: usize = 64;
/// So many characters of each.
const LONGEST: usize = 500;

pub(super) struct Log<'a> {
    lines: &'a dyn Lines,
    kept: Mutex<Kept>,
}

struct Kept {
    /// Nothing once it cannot be written to: the build goes on.
    file: Option<Growing>,
    last: VecDeque<String>,
    count: usize,
}

impl<'a> Log<'a> {
    pub(super) fn open(path: &Path, lines: &'a dyn Lines) -> io::Result<Self> {
        let file = Some(Growing::open(path, 0o600)?);
        Ok(Self { lines, kept: Mutex::new(Kept { file, last: VecDeque::new(), count: 0 }) })
    }

    /// What we say ourselves.
    pub(super) fn note(&self, text: &str) {
        self.lines.line(BUILD, Stream::Stderr, text.as_bytes());
        self.kept().write(text);
    }

    pub(super) fn line(&self, stream: Stream, text: &str) {
        self.lines.line(BUILD, stream, text.as_bytes());
        let mut kept = self.kept();
        kept.write(text);
        if kept.last.len() == REMEMBERED {
            kept.last.pop_front();
        }
        kept.last.push_back(text.chars().take(LONGEST).collect());
        kept.count += 1;
    }

    /// How many lines there were so far.
    pub(super) fn tail(&self) -> usize {
        self.kept().count
    }

    /// The last lines since then, `most` at most.
    pub(super) fn tail_since(&self, since: usize, most: usize) -> Vec<String> {
        let kept = self.kept();
        let wanted = (kept.count - since).min(most).min(kept.last.len());
        kept.last.iter().skip(kept.last.len() - wanted).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn write(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let full = file.len() >= LARGEST;
        let line = if full { "… (no more is kept)\n".to_owned() } else { format!("{text}\n") };
        if file.append(line.as_bytes()).is_err() || full {
            self.file = None;
        }
    }
}
