//! Is a directory fit to keep data in?

use super::{create_new, named, unique};
use crate::mount::mount_of;
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What is known about a directory that is to be written to.
#[derive(Debug)]
pub struct DirFacts {
    /// Is anything there?
    pub exists: bool,
    /// Is it a directory?
    pub is_dir: bool,
    /// Where the mount that holds it is mounted, when that is read-only.
    pub read_only_mount: Option<PathBuf>,
    /// Could a file be created in it and removed again?
    pub writable: io::Result<()>,
    /// The user it belongs to.
    pub owner: Option<u32>,
    /// The user we run as.
    pub our_uid: u32,
    /// The room left for us, in bytes.
    pub free_bytes: Option<u64>,
}

/// Looks at `path` and really writes a file there: permission bits alone do not tell (root, ACLs, quotas, mounts).
pub fn check_dir(path: &Path) -> DirFacts {
    let metadata = fs::metadata(path);
    DirFacts {
        exists: metadata.is_ok(),
        is_dir: metadata.as_ref().is_ok_and(fs::Metadata::is_dir),
        read_only_mount: read_only_mount(path),
        writable: try_to_write(path),
        owner: metadata.ok().map(|metadata| metadata.uid()),
        our_uid: rustix::process::geteuid().as_raw(),
        free_bytes: super::free_bytes(path),
    }
}

fn try_to_write(dir: &Path) -> io::Result<()> {
    let file = dir.join(format!(".mainstay-write-check.{}.tmp", unique()));
    let written = create_new(&file, b"mainstay", 0o600);
    let removed = fs::remove_file(&file);
    written.and(removed).map_err(|error| named("write to", dir, &error))
}

#[expect(clippy::disallowed_methods, reason = "a file of the kernel, bounded by nature")]
fn read_only_mount(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().ok()?;
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    mount_of(&mountinfo, &path).filter(|mount| mount.read_only).map(|mount| mount.point)
}
