//! Files: every error names its path and what was being done; every write is all or nothing.

mod atomic;
mod directory;
mod growing;
mod openers;
mod scratch;
mod symlink;
mod tree;

pub use atomic::write_atomic;
pub use directory::{DirFacts, check_dir};
pub use growing::{Growing, Identity, create, identity, identity_of, open, remove, rename};
pub use openers::openers;
pub use scratch::Scratch;
pub use symlink::{There, point, pointed, there};
pub use tree::{bytes_below, give, link, make_dir, remove_tree, swept, sync};

use atomic::{create_new, unique};
use rustix::fs::OFlags;
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What is known about a file or directory, links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Permission bits, such as `0o600`.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its length in bytes.
    pub len: u64,
    /// Is it a directory?
    pub is_dir: bool,
    /// When its content was last changed, where the file system keeps that.
    pub modified: Option<SystemTime>,
}

/// Opening a pipe that nobody writes to would wait (open(2)).
const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

/// The whole content of a file of at most `max_bytes`.
///
/// # Errors
/// Those of the file system, `FileTooLarge`, and `InvalidInput` for a named pipe.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let read = || {
        let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
        let facts = file.metadata()?;
        // One byte more tells the end of the file without another look.
        let mut content = Vec::with_capacity(usize::try_from(facts.len().min(max_bytes)).unwrap_or_default() + 1);
        if facts.file_type().is_fifo() {
            let why = "it is a pipe, and nobody may ever write to it";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        read_to_end(file.take(max_bytes.saturating_add(1)), facts.len(), &mut content)?;
        if content.len() as u64 > max_bytes {
            let why = format!("it has more than {max_bytes} bytes, the most that is read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        Ok(content)
    };
    read().map_err(|error| named("read", path, &error))
}

/// All that is left of a file that is said to have `len` bytes; `content` has room for one more.
fn read_to_end(mut file: io::Take<fs::File>, len: u64, content: &mut Vec<u8>) -> io::Result<()> {
    // One look at most files: a read that could have had more and ends just there has met their end.
    content.resize(content.capacity(), 0);
    let read = match file.read(content) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        read => read?,
    };
    content.truncate(read);
    if read as u64 == len && len > 0 { Ok(()) } else { file.read_to_end(content).map(drop) }
}

/// What stands in a file from `offset` on, at most `max_bytes` of it: nothing at its end.
///
/// # Errors
/// Those of the file system, with the path.
pub fn read_from(path: &Path, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
    let read = || {
        let mut content = vec![0; max_bytes];
        let read = fs::File::open(path)?.read_at(&mut content, offset)?;
        content.truncate(read);
        Ok(content)
    };
    read().map_err(|error| named("read", path, &error))
}

/// The whole text of a file of at most `max_bytes`.
///
/// # Errors
/// Those of [`read`], and `InvalidData` when it is not UTF-8.
pub fn read_to_string(path: &Path, max_bytes: u64) -> io::Result<String> {
    String::from_utf8(read(path, max_bytes)?).map_err(|error| {
        let why = format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to() + 1);
        named("read", path, &io::Error::new(io::ErrorKind::InvalidData, why))
    })
}

/// Makes a directory and its missing parents, each with `mode` (the umask may take bits away). What is there already
/// keeps its mode.
pub fn create_dir_all_private(path: &Path, mode: u32) -> io::Result<()> {
    let created = DirBuilder::new().recursive(true).mode(mode).create(path);
    created.map_err(|error| named("create directory", path, &error))
}

/// The entries of a directory, as paths, sorted by name.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let list = || fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    let mut entries = list().map_err(|error| named("list", dir, &error))?;
    entries.sort_unstable();
    Ok(entries)
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; what is not UTF-8 in it is replaced.
    pub name: String,
    /// Is it a directory, links followed?
    pub is_dir: bool,
}

/// The entries of a directory, in no order. Costs no look at each of them unless it is a link.
pub fn entries(dir: &Path) -> io::Result<Vec<Entry>> {
    let entry = |entry: fs::DirEntry| {
        let kind = entry.file_type()?;
        let is_dir = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
        Ok(Entry { name: entry.file_name().to_string_lossy().into_owned(), is_dir })
    };
    let entries = || fs::read_dir(dir)?.map(|found| found.and_then(entry)).collect::<io::Result<Vec<_>>>();
    entries().map_err(|error| named("list", dir, &error))
}

/// `path` without links and `..` in it; as it is where that cannot be told.
pub fn real_path(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What is known about `path`, links followed.
pub fn metadata(path: &Path) -> io::Result<Facts> {
    let metadata = fs::metadata(path).map_err(|error| named("look at", path, &error))?;
    Ok(Facts {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        len: metadata.len(),
        is_dir: metadata.is_dir(),
        modified: metadata.modified().ok(),
    })
}

/// Sets the permission bits of `path`.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set.map_err(|error| named("set the mode of", path, &error))
}

/// The room left for us where `path` lies, in bytes.
pub fn free_bytes(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize))
}

/// The room of the file system where `path` lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// All of it, in bytes.
    pub total: u64,
    /// What is left for us, in bytes.
    pub free: u64,
    /// Which file system it is.
    pub device: u64,
}

/// The room of the file system where `path` lies; nothing where that cannot be seen.
pub fn room(path: &Path) -> Option<Room> {
    let room = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(room.f_frsize);
    Some(Room { total: bytes(room.f_blocks), free: bytes(room.f_bavail), device: fs::metadata(path).ok()?.dev() })
}

fn named(doing: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests;
