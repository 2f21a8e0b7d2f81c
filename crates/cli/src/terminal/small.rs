//! The file of a mainstay in the background stays small: it is put aside while it is written to, too.

use host::terminal::OwnFile;
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// It is put aside when it is longer, in bytes; as long as log files of services are by default.
const LONGEST: u64 = 10_000_000;

/// What standard output and error are written to.
pub(super) struct Small {
    file: OwnFile,
    /// Where the one before is; what was there is gone.
    aside: PathBuf,
    len: AtomicU64,
}

impl Small {
    /// The file at `path`, if both outputs are that.
    pub(super) fn at(path: &Path, aside: PathBuf) -> Option<Self> {
        let file = OwnFile::at(path)?;
        Some(Self { len: AtomicU64::new(file.len()), file, aside })
    }

    /// So many bytes were written to it, whole lines.
    pub(super) fn grew_by(&self, bytes: usize) {
        let len = self.len.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if len > LONGEST {
            // Where that fails it grows on, and is tried again after as much.
            let _ = self.file.put_aside(&self.aside);
            self.len.store(0, Ordering::Relaxed);
        }
    }
}
