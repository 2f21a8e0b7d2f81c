//! Which restores could be undone: `restores.json` beside the copies.

use crate::{BackupError, Id, manifest::MODE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{io, path::Path};

const NAME: &str = "restores.json";
const VERSION: u32 = 1;
const MAX_BYTES: u64 = 1 << 20;

/// The restores that could be undone, the latest last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    version: u32,
    swaps: Vec<Swap>,
}

/// A database that took the place of another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Swap {
    /// When.
    pub(super) at: Timestamp,
    /// The copy that it was made of.
    pub(super) id: Id,
    /// How the other one is called since.
    pub(super) before: String,
}

impl Book {
    pub(super) fn read(dir: &Path) -> Result<Self, BackupError> {
        let wrong = |error| BackupError::files("what is known of earlier restores cannot be read", error);
        let text = match host::fs::read(&dir.join(NAME), MAX_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, swaps: Vec::new() });
            }
            text => text.map_err(wrong)?,
        };
        let book: Self = serde_json::from_slice(&text).map_err(|error| wrong(io::Error::other(error)))?;
        match book.version {
            VERSION => Ok(book),
            other => {
                Err(wrong(io::Error::other(format!("`{NAME}` has version {other}, and this mainstay knows {VERSION}"))))
            }
        }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other);
        let written = text.and_then(|text| host::fs::write_atomic(&dir.join(NAME), text.as_bytes(), MODE));
        written.map_err(|error| {
            BackupError::files("the restore cannot be written down, so `--undo` will not know it", error)
        })
    }

    pub(super) fn last(&self) -> Option<&Swap> {
        self.swaps.last()
    }

    pub(super) fn swapped(&mut self, swap: Swap) {
        self.swaps.push(swap);
    }

    pub(super) fn undone(&mut self) {
        self.swaps.pop();
    }
}
