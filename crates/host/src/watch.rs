//! Noticing changes of files at once, without looking again and again (inotify(7)).

use crate::descriptor::readable;
use rustix::{
    fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags},
    io::Errno,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};
use tokio::io::unix::AsyncFd;

/// Room for dozens of events.
const BUFFER: usize = 4096;

/// Watches files and directories. A file that is removed is not watched when it is made anew: watch its directory.
pub struct Watch {
    inotify: AsyncFd<OwnedFd>,
    paths: BTreeMap<i32, PathBuf>,
}

impl Watch {
    /// Begins to watch; what happens from now on is not missed, whenever [`Watch::next`] is called. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// Names the path that is not there or that we may not read.
    pub fn new<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let mut watched = BTreeMap::new();
        for path in paths {
            let path = path.as_ref();
            watched.insert(add(&inotify, path)?, path.to_owned());
        }
        Ok(Self { inotify: readable(inotify)?, paths: watched })
    }

    /// The paths that were written, made, removed or moved since the last call, at least one: an entry of a watched
    /// directory, or a watched path itself. After an overflow of the kernel's queue, all watched paths. Safe to drop
    /// and call again.
    pub async fn next(&mut self) -> io::Result<BTreeSet<PathBuf>> {
        loop {
            let mut ready = self.inotify.readable().await?;
            let changed = changes(self.inotify.get_ref(), &self.paths)?;
            if !changed.is_empty() {
                return Ok(changed);
            }
            ready.clear_ready();
        }
    }
}

fn add(inotify: &OwnedFd, path: &Path) -> io::Result<i32> {
    let wanted = WatchFlags::MODIFY
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF;
    inotify::add_watch(inotify, path, wanted).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("watch `{}`: {error}", path.display()))
    })
}

fn changes(inotify: &OwnedFd, paths: &BTreeMap<i32, PathBuf>) -> io::Result<BTreeSet<PathBuf>> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut events = inotify::Reader::new(inotify, &mut buffer);
    let mut changed = BTreeSet::new();
    loop {
        match events.next() {
            Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => changed.extend(paths.values().cloned()),
            // Only says that the watch has ended; why, an earlier event has said.
            Ok(event) if event.events().contains(ReadFlags::IGNORED) => {}
            Ok(event) => changed.extend(paths.get(&event.wd()).map(|path| match event.file_name() {
                Some(name) => path.join(OsStr::from_bytes(name.to_bytes())),
                None => path.clone(),
            })),
            Err(Errno::WOULDBLOCK) => return Ok(changed),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write, time::Duration};
    use tokio::time::timeout;

    async fn next(watch: &mut Watch) -> Vec<PathBuf> {
        timeout(Duration::from_secs(30), watch.next())
            .await
            .expect("the change is noticed")
            .unwrap()
            .into_iter()
            .collect()
    }

    #[tokio::test]
    async fn every_kind_of_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("postmaster.pid"), dir.path().join("moved"));
        let mut watch = Watch::new([dir.path()]).unwrap();
        assert!(timeout(Duration::from_millis(5), watch.next()).await.is_err(), "nothing has happened");
        let mut file = fs::File::create(&path).unwrap();
        assert_eq!(next(&mut watch).await, std::slice::from_ref(&path));
        file.write_all(b"ready").unwrap();
        assert_eq!(next(&mut watch).await, std::slice::from_ref(&path));
        fs::rename(&path, &moved).unwrap();
        assert_eq!(next(&mut watch).await, [moved.clone(), path]);
        fs::remove_file(&moved).unwrap();
        assert_eq!(next(&mut watch).await, [moved]);
    }

    #[tokio::test]
    async fn what_happens_before_the_first_call_is_not_missed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut watch = Watch::new([file.path()]).unwrap();
        file.as_file().write_all(b"x").unwrap();
        assert_eq!(next(&mut watch).await, [file.path()]);
    }

    #[tokio::test]
    async fn a_path_that_is_not_there_is_named() {
        let error = Watch::new(["/nowhere"]).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with("watch `/nowhere`: "), "{error}");
    }
}
