//! One instance at a time, by a lock that the kernel takes back when its holder ends.

use crate::{
    handover::Handing,
    proc::{Process, boot_id},
};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat},
    io::Errno,
};
use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read, Seek, Write},
    os::fd::{OwnedFd, RawFd},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// More than any holder writes.
const MAX_BYTES: u64 = 64 * 1024;

/// The lock, held until this is dropped or the process ends, however it ends: a file that is left behind blocks
/// nobody. Children do not inherit it. On a network file system it holds as far as that supports flock(2).
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

/// Who holds a lock, as it has written into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Since when, to the second.
    pub since: SystemTime,
    /// What it does.
    pub command: String,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("`{path}` is held by {holder}")]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// The file could not be opened, locked or written.
    #[error("lock `{path}`: {error}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
}

impl InstanceLock {
    /// Takes the lock on the file at `path`, which is made when missing, and writes into it who has it: this process,
    /// and what it does in the words of `about`. Does not wait.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder.
    pub fn acquire(path: &Path, about: &str) -> Result<Self, LockError> {
        let result = match try_acquire(path) {
            Ok(Some(file)) => name_holder(&file, about).map(|()| Self { _file: file }),
            Ok(None) => return Err(LockError::Held { path: path.to_owned(), holder: holder(path) }),
            Err(error) => Err(error),
        };
        result.map_err(|error| LockError::Io { path: path.to_owned(), error })
    }
}

impl InstanceLock {
    /// The same lock for the next version of this process: it belongs to the open file, whoever has that (flock(2)).
    pub fn hand_over(&self, all: &mut Handing) -> RawFd {
        all.put(&self._file)
    }

    /// A lock that an earlier version of this process has handed over.
    pub fn take_over(descriptor: OwnedFd) -> Self {
        Self { _file: descriptor.into() }
    }
}

/// The locked file, or nothing when somebody else has it.
fn try_acquire(path: &Path) -> io::Result<Option<File>> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::from_raw_mode(0o644))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            result => result?,
        }
        // Somebody may have removed the file between the two calls: then this lock would guard nothing.
        let ours = fstat(&file)?;
        if stat(path).is_ok_and(|there| (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)) {
            return Ok(Some(file.into()));
        }
    }
}

/// The lock is what counts; on a full disk it bears no name, and the kernel is asked for it.
fn name_holder(file: &File, about: &str) -> io::Result<()> {
    match write_holder(file, about) {
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => file.set_len(0),
        result => result,
    }
}

#[expect(clippy::disallowed_methods, reason = "the calendar, for the reader of the file")]
fn write_holder(mut file: &File, about: &str) -> io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (pid, boot) = (std::process::id(), boot_id().unwrap_or_default());
    let command = about.replace(['\n', '\r'], " ");
    // Rewind first: what an earlier, longer holder left must not show through.
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("pid={pid}\nsince={since}\nboot={boot}\ncommand={command}\n").as_bytes())
}

fn holder(path: &Path) -> Holder {
    let mut text = String::new();
    if let Ok(file) = File::open(path) {
        // A reader that cannot read names nobody; that somebody has the lock is known anyway.
        let _ = file.take(MAX_BYTES).read_to_string(&mut text);
    }
    Holder::parse(&text).or_else(|| kernel_says(path)).unwrap_or(Holder {
        pid: 0,
        since: UNIX_EPOCH,
        command: String::new(),
    })
}

/// For the moment between the lock and the name: /proc/locks knows who has it (proc_locks(5)).
#[expect(clippy::disallowed_methods, reason = "a file of the kernel, bounded by nature")]
fn kernel_says(path: &Path) -> Option<Holder> {
    let inode = format!(":{}", stat(path).ok()?.st_ino);
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let ours = fields.get(1) == Some(&"FLOCK") && fields.get(5)?.ends_with(&inode);
        fields.get(4).filter(|_| ours)?.parse().ok()
    })?;
    Some(Holder { pid, since: SystemTime::now(), command: Process::new(pid).cmdline().unwrap_or_default() })
}

impl Holder {
    fn parse(text: &str) -> Option<Self> {
        let value =
            |key| text.lines().find_map(|line| line.split_once('=').filter(|(name, _)| *name == key)).map(|it| it.1);
        Some(Self {
            pid: value("pid")?.parse().ok()?,
            since: UNIX_EPOCH.checked_add(Duration::from_secs(value("since")?.parse().ok()?))?,
            command: value("command")?.to_owned(),
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, self.command.as_str()) {
            (0, _) => f.write_str("a process that cannot be seen from here"),
            (pid, "") => write!(f, "process {pid}"),
            (pid, command) => write!(f, "process {pid} (`{command}`)"),
        }
    }
}

#[cfg(test)]
mod tests;
