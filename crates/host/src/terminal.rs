//! What mainstay's own input and output are connected to.

use crate::descriptor::writable;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags},
    io::{fcntl_dupfd_cloexec, retry_on_intr},
    termios::tcgetwinsize,
};
use std::{
    io::{self, IsTerminal},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};
use tokio::io::unix::AsyncFd;

/// One of the three standard descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard input.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Is it a terminal?
pub fn is_terminal(stream: Stream) -> bool {
    match stream {
        Stream::Input => std::io::stdin().is_terminal(),
        Stream::Output => std::io::stdout().is_terminal(),
        Stream::Error => std::io::stderr().is_terminal(),
    }
}

/// Has this process a terminal that controls it, and that may hang up (tty(4))?
pub fn is_controlled() -> bool {
    rustix::fs::open("/dev/tty", OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

/// Its width in columns; nothing when it is no terminal or does not say.
pub fn width(stream: Stream) -> Option<u16> {
    let size = match stream {
        Stream::Input => tcgetwinsize(std::io::stdin()),
        Stream::Output => tcgetwinsize(std::io::stdout()),
        Stream::Error => tcgetwinsize(std::io::stderr()),
    };
    size.ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// No more is written at once: what a pipe with any room takes without waiting (`PIPE_BUF`, pipe(7)).
const AT_ONCE: usize = 4096;

/// Writes to standard output or error as much as goes without waiting for whoever reads it. Others may share what is
/// behind the descriptor, so its own mode is left as it is.
///
/// # Errors
/// `WouldBlock` when nothing goes now; any other means that nothing ever will.
pub fn write_now(stream: Stream, bytes: &[u8]) -> io::Result<usize> {
    let some = if never_full(stream) { bytes } else { &bytes[..bytes.len().min(AT_ONCE)] };
    with_descriptor(stream, |fd| {
        if !has_room(fd, Some(Duration::ZERO))? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(retry_on_intr(|| rustix::io::write(fd, some))?)
    })
}

/// Is it a file, or `/dev/null`? There nobody has to read first.
fn never_full(stream: Stream) -> bool {
    static KNOWN: [OnceLock<bool>; 3] = [const { OnceLock::new() }; 3];
    // null(4)
    let null = rustix::fs::makedev(1, 3);
    *KNOWN[stream as usize].get_or_init(|| {
        let facts = with_descriptor(stream, |fd| Ok(rustix::fs::fstat(fd)?));
        facts
            .is_ok_and(|facts| FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile || facts.st_rdev == null)
    })
}

/// Waits, and holds up everything else, until [`write_now`] may go on. False when `limit` is over.
pub fn wait_for_room(stream: Stream, limit: Option<Duration>) -> io::Result<bool> {
    with_descriptor(stream, |fd| has_room(fd, limit))
}

/// Has whoever read from the other end gone for good? False for what is no pipe, and when it cannot be known.
pub fn reader_has_gone(stream: Stream) -> bool {
    let gone = with_descriptor(stream, |fd| {
        let mut asked = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
        retry_on_intr(|| poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })))?;
        Ok(asked[0].revents().contains(PollFlags::ERR))
    });
    gone.unwrap_or(false)
}

/// Tells when there is room again; nothing when that cannot be known, as for a file, which always has room.
pub struct Room(AsyncFd<OwnedFd>);

impl Room {
    /// Of this stream, on the current tokio runtime.
    pub fn of(stream: Stream) -> Option<Self> {
        let copy = with_descriptor(stream, |fd| Ok(fcntl_dupfd_cloexec(fd, 3)?)).ok()?;
        writable(copy).ok().map(Self)
    }

    /// Resolves when there may be room that was not there before. Safe to drop and call again.
    pub async fn more(&mut self) {
        if let Ok(mut ready) = self.0.writable().await {
            ready.clear_ready();
        }
    }
}

/// The file that both standard output and standard error are: that of a mainstay in the background.
#[derive(Debug)]
pub struct OwnFile {
    path: PathBuf,
}

impl OwnFile {
    /// The file at `path`, if both are that.
    pub fn at(path: &Path) -> Option<Self> {
        let there = rustix::fs::lstat(path).ok().filter(|facts| FileType::from_raw_mode(facts.st_mode).is_file())?;
        let is_it = |stream| {
            let facts = with_descriptor(stream, |fd| Ok(rustix::fs::fstat(fd)?));
            facts.is_ok_and(|facts| (facts.st_dev, facts.st_ino) == (there.st_dev, there.st_ino))
        };
        (is_it(Stream::Output) && is_it(Stream::Error)).then(|| Self { path: path.to_owned() })
    }

    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        with_descriptor(Stream::Output, |fd| Ok(rustix::fs::fstat(fd)?.st_size))
            .map_or(0, |size| u64::try_from(size).unwrap_or_default())
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives it the name `aside`, and goes on in a new file, which nobody else may read.
    ///
    /// # Errors
    /// Those of the file system; then both outputs go where they went before.
    pub fn put_aside(&self, aside: &Path) -> io::Result<()> {
        rustix::fs::rename(&self.path, aside)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let new = rustix::fs::open(&self.path, flags, Mode::from_raw_mode(0o600))?;
        for number in [1, 2] {
            #[expect(unsafe_code, reason = "the standard descriptors are numbers that nobody owns")]
            // SAFETY: both stay open all the time, and are an open file before and after.
            if unsafe { libc::dup2(new.as_raw_fd(), number) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }
}

/// A terminal waits in the middle of a write when less fits than it was given, whatever poll(2) has said; one that is
/// opened anew has a mode of its own.
fn with_descriptor<T>(stream: Stream, act: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>) -> io::Result<T> {
    static ANEW: [OnceLock<Option<OwnedFd>>; 3] = [const { OnceLock::new() }; 3];
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let own = match stream {
        Stream::Input => input.as_fd(),
        Stream::Output => output.as_fd(),
        Stream::Error => error.as_fd(),
    };
    let anew = ANEW[stream as usize].get_or_init(|| opened_anew(own, stream));
    act(anew.as_ref().map_or(own, OwnedFd::as_fd))
}

fn opened_anew(own: BorrowedFd<'_>, stream: Stream) -> Option<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", own.as_raw_fd());
    is_terminal(stream).then(|| rustix::fs::open(path, flags, Mode::empty()).ok())?
}

fn has_room(fd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<bool> {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    // A reader that has gone is an event too: the write tells.
    Ok(retry_on_intr(|| poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], limit.as_ref()))? > 0)
}

/// The next line of standard input, without its end; waits for it.
///
/// # Errors
/// Those of the read; `UnexpectedEof` when there is none.
pub fn read_line() -> io::Result<String> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}
