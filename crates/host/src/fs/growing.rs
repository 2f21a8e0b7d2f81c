//! A file that grows at its end, as logs do.

use super::named;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A file that is only ever written to at its end.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    file: File,
    len: u64,
}

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Growing {
    /// Opens a file, or makes it with `mode`.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn open(path: &Path, mode: u32) -> io::Result<Self> {
        let open = || {
            let file = OpenOptions::new().read(true).append(true).create(true).mode(mode).open(path)?;
            let len = file.metadata()?.len();
            Ok(Self { path: path.to_owned(), file, len })
        };
        open().map_err(|error| named("open", path, &error))
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its last byte.
    pub fn last_byte(&self) -> Option<u8> {
        let mut byte = [0];
        let at = self.len.checked_sub(1)?;
        self.file.read_exact_at(&mut byte, at).ok().map(|()| byte[0])
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// Those of the file system, with the path; and how many bytes were written all the same.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err((written, named("write", &self.path, &io::ErrorKind::WriteZero.into()))),
                Ok(some) => {
                    written += some;
                    self.len += some as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, named("write", &self.path, &error))),
            }
        }
        Ok(())
    }

    /// Cuts off what stands behind the first `len` bytes.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len).map_err(|error| named("shorten", &self.path, &error))?;
        self.len = len;
        Ok(())
    }

    /// Is this still the file at its path? Somebody may have moved or removed it.
    pub fn is_in_place(&self) -> bool {
        identity_of(&self.file).is_ok_and(|ours| identity(&self.path).is_ok_and(|there| there == ours))
    }
}

/// Which file an open one is.
///
/// # Errors
/// Those of the file system.
pub fn identity_of(file: &File) -> io::Result<Identity> {
    file.metadata().map(|facts| Identity { device: facts.dev(), inode: facts.ino() })
}

/// Which file is at `path`.
///
/// # Errors
/// Those of the file system, with the path.
pub fn identity(path: &Path) -> io::Result<Identity> {
    let facts = std::fs::metadata(path).map_err(|error| named("look at", path, &error))?;
    Ok(Identity { device: facts.dev(), inode: facts.ino() })
}

/// Opens a file to read it piece by piece. One that is a pipe is not waited for.
///
/// # Errors
/// Those of the file system, with the path.
pub fn open(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().read(true).custom_flags(super::NONBLOCK).open(path);
    opened.map_err(|error| named("open", path, &error))
}

/// Makes a file that is not there yet, with `mode`, to write it piece by piece.
///
/// # Errors
/// Those of the file system, with the path; one that is there already is an error.
pub fn create(path: &Path, mode: u32) -> io::Result<File> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    made.map_err(|error| named("create", path, &error))
}

/// Gives a file another name; what had that name is gone.
///
/// # Errors
/// Those of the file system, with the path.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to).map_err(|error| named("rename", from, &error))
}

/// Removes a file.
///
/// # Errors
/// Those of the file system, with the path.
pub fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).map_err(|error| named("remove", path, &error))
}
