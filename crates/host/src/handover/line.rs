//! A connection on which nothing is said any more, and which means something as long as it is open.

use super::Handing;
use crate::descriptor::readable;
use rustix::io::{Errno, ioctl_fionbio, read};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
};
use tokio::io::unix::AsyncFd;

/// A connection on which an earlier version of this process has spoken; nobody here could, be it for TLS. The server keeps what it has
/// granted the session, such as a lock, until it is closed.
#[derive(Debug)]
pub struct Line(AsyncFd<OwnedFd>);

impl Line {
    /// The connection that was handed over. Dropped, it is closed.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub fn take_over(descriptor: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&descriptor, true)?;
        readable(descriptor).map(Self)
    }

    /// For the next version of this process.
    pub fn hand_over(&self, all: &mut Handing) -> RawFd {
        all.put(self)
    }

    /// Resolves once the other end has closed it, or is gone. What it says before is not listened to.
    pub async fn ended(&self) {
        while let Ok(mut ready) = self.0.readable().await {
            match ready.try_io(|line| Ok(read(line, &mut [0; 4096])?)) {
                Ok(Ok(1..)) | Err(_) => {}
                Ok(Err(error)) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
                Ok(Ok(0) | Err(_)) => return,
            }
        }
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, os::unix::net::UnixStream, time::Duration};
    use tokio::time::timeout;

    /// Issue 4, item 2: whatever is said on it, it lasts until the other end closes it.
    #[tokio::test]
    async fn it_ends_with_the_other_end() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let line = Line::take_over(ours.into()).unwrap();
        theirs.write_all(&[7; 10_000]).unwrap();
        assert!(timeout(Duration::from_millis(50), line.ended()).await.is_err());
        drop(theirs);
        timeout(Duration::from_secs(10), line.ended()).await.unwrap();
    }
}
