//! Directories as a whole, and what makes names last.

use super::{named, unique};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    path::Path,
};

/// Makes a directory that is not there yet, with `mode`; its parent must be there.
///
/// # Errors
/// Those of the file system, with the path; one that is there already is an error.
pub fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path).map_err(|error| named("make directory", path, &error))
}

/// Waits until a file, or the names in a directory, would outlast the machine.
///
/// # Errors
/// Those of the file system, with the path.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| named("write down", path, &error))
}

/// Removes a directory and all in it, links not followed. What is not there is no error.
///
/// # Errors
/// Those of the file system, with the path.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(|error| named("remove", path, &error)),
    }
}

/// Removes a directory so that nobody ever sees half of it under its name: it gets a hidden one first, which [`swept`] knows.
///
/// # Errors
/// Those of the file system, with the path.
pub fn swept(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = path.with_file_name(format!(".{name}.{}.gone", unique()));
    fs::rename(path, &hidden).map_err(|error| named("remove", path, &error))?;
    remove_tree(&hidden)
}

/// What a directory and all in it take on the disk, in bytes, links not followed. What goes away meanwhile, or may not be looked
/// at, counts nothing.
pub fn bytes_below(path: &Path) -> u64 {
    let Ok(facts) = fs::symlink_metadata(path) else { return 0 };
    let below = match facts.is_dir().then(|| fs::read_dir(path)) {
        Some(Ok(entries)) => entries.flatten().map(|entry| bytes_below(&entry.path())).sum(),
        _ => 0,
    };
    facts.blocks() * 512 + below
}

/// Gives a file a second name.
///
/// # Errors
/// Those of the file system, with the path; a name that is taken is an error.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).map_err(|error| named("make", to, &error))
}

/// Gives a file or directory to another user.
///
/// # Errors
/// Those of the file system, with the path.
pub fn give(path: &Path, to: crate::user::Account) -> io::Result<()> {
    chown(path, Some(to.uid), Some(to.gid)).map_err(|error| named("give away", path, &error))
}
