//! Directories for databases that pass: of a proof, or of a look at a copy. What somebody who was killed has left is swept by the next.

use crate::{BackupError, postgres};
use host::{fs, proc::Process, user::Account};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Of databases for a proof or a look.
const PROOF: &str = "mainstay-proof";
/// Of copies without their encryption.
const OPENED: &str = "mainstay-opened";
/// Of copies that were brought from elsewhere; hidden, for it lies among those of applications.
const FETCHED: &str = ".mainstay-fetched";
const MODE: u32 = 0o700;
/// Where a server in it has its files, beside its socket.
pub(crate) const DATA: &str = "data";

/// `mainstay-proof.PID.START`: a directory that is gone when this is dropped.
pub(crate) struct Passing(PathBuf);

impl Passing {
    /// A new one in `ground`; `account`: whose it is, when it is not ours.
    pub(crate) fn make(ground: &Path, account: Option<Account>) -> Result<Self, BackupError> {
        Self::called(PROOF, ground, account)
    }

    /// `mainstay-opened.PID.START` in `ground`, for the files of a copy without their encryption.
    pub(crate) fn for_opened(ground: &Path) -> Result<Self, BackupError> {
        Self::called(OPENED, ground, None)
    }

    /// `.mainstay-fetched.PID.START`, in the directory of all copies.
    pub(crate) fn for_fetched(to: &Path) -> Result<Self, BackupError> {
        let made = fs::create_dir_all_private(to, MODE);
        made.map_err(|error| BackupError::files("the directory of the copies cannot be used", error))?;
        Self::called(FETCHED, to, None)
    }

    fn called(name: &str, ground: &Path, account: Option<Account>) -> Result<Self, BackupError> {
        sweep(name, ground);
        let this = Process::this();
        let dir = ground.join(format!("{name}.{}.{}", std::process::id(), this.start_time().unwrap_or_default()));
        let make = || -> io::Result<()> {
            // Ours, of a proof before in this life.
            fs::remove_tree(&dir)?;
            fs::make_dir(&dir, MODE)?;
            account.map_or(Ok(()), |account| fs::give(&dir, account))
        };
        make().map_err(|error| BackupError::files("there is no room for a proof", error))?;
        Ok(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // Processes of a server that was just killed may still write; the next proof sweeps what they leave.
        for _ in 0..3 {
            if fs::remove_tree(&self.0).is_ok() {
                break;
            }
        }
    }
}

/// Removes what those have left who were killed.
fn sweep(name: &str, ground: &Path) {
    for entry in fs::entries(ground).unwrap_or_default() {
        let rest = entry.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        let mut parts = rest.unwrap_or_default().split('.');
        let ours = rest.is_some() && entry.is_dir;
        let whose =
            parts.next().and_then(|pid| pid.parse().ok()).zip(parts.next().and_then(|start| start.parse().ok()));
        if let Some((pid, start)) = whose.filter(|_| ours)
            && Process::new(pid).start_time() != Some(start)
        {
            postgres::give_back(&ground.join(&entry.name).join(DATA));
            // Somebody else's is left alone.
            let _ = fs::remove_tree(&ground.join(&entry.name));
        }
    }
}
