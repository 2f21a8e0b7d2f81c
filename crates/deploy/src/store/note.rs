//! A small file that says what is going on: there from right before it begins until it is settled.

use host::fs;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{io, path::Path};

const MAX_BYTES: u64 = 1 << 20;
const MODE: u32 = 0o600;

/// What it says; nothing where there is none.
///
/// # Errors
/// Those of the file system, with the path; one that is not understood, or is of another version, is `InvalidData`.
pub(super) fn read<T: DeserializeOwned>(path: &Path, version: u32) -> io::Result<Option<T>> {
    let text = match fs::read_to_string(path, MAX_BYTES) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        text => text?,
    };
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("`{}`{why}", path.display()));
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(format!(": {error}")))?;
    match value.get("version").and_then(Value::as_u64) {
        Some(known) if known == u64::from(version) => {
            serde_json::from_value(value).map(Some).map_err(|error| wrong(format!(": {error}")))
        }
        Some(other) => Err(wrong(format!(" has version {other}, and this mainstay knows {version}"))),
        None => Err(wrong(" has no version".to_owned())),
    }
}

/// Writes it down; it would outlast the machine.
pub(super) fn write(path: &Path, note: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(note).map_err(io::Error::other)?;
    fs::write_atomic(path, text.as_bytes(), MODE)
}

/// It is settled.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| path.parent().map_or(Ok(()), fs::sync)),
    }
}
