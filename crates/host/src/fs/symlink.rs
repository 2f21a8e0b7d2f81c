//! Names that lead to other names.

use super::{named, unique};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Makes `path` a link to `to`, in place of whatever link was there: a reader sees the old one or the new one, never none, also
/// after a crash of the machine.
///
/// # Errors
/// Those of the file system, with the path; a directory at `path` is an error.
pub fn point(path: &Path, to: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", unique()));
    let pointed = symlink(to, &temporary).and_then(|()| fs::rename(&temporary, path));
    if pointed.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    pointed.and_then(|()| File::open(parent)?.sync_all()).map_err(|error| named("link", path, &error))
}

/// Where the link at `path` leads; nothing where there is no link.
///
/// # Errors
/// Those of the file system, with the path.
pub fn pointed(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read_link(path) {
        Ok(to) => Ok(Some(to)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => Ok(None),
        Err(error) => Err(named("read the link", path, &error)),
    }
}

/// What is at `path` itself, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing.
    Nothing,
    /// A directory.
    Directory,
    /// A link, wherever it leads.
    Link,
    /// A file, a socket, or the like.
    File,
}

/// What is at `path` itself, links not followed.
///
/// # Errors
/// Those of the file system, with the path.
pub fn there(path: &Path) -> io::Result<There> {
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_symlink() => Ok(There::Link),
        Ok(facts) if facts.is_dir() => Ok(There::Directory),
        Ok(_) => Ok(There::File),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(There::Nothing)
        }
        Err(error) => Err(named("look at", path, &error)),
    }
}
