//! A directory for a moment.

use super::{atomic::unique, named};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// A directory that only this user may look into; it and all in it goes when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one next to `path`, on the same file system: `.app.db.4711.0.scratch`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let dir = path.with_file_name(format!(".{name}.{}.scratch", unique()));
        DirBuilder::new().mode(0o700).create(&dir).map_err(|error| named("make", &dir, &error))?;
        Ok(Self(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell when it cannot be removed.
        let _ = fs::remove_dir_all(&self.0);
    }
}
