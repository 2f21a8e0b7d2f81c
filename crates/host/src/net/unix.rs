//! Sockets that have a name in the file system: bound for our user alone, found under names of any length, and asked who
//! is at the other end.

use rustix::{
    fs::{Mode, OFlags, fchmod, open, unlink},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with},
};
use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// The longest name of a socket, without its closing zero (unix(7)).
pub const LONGEST_NAME: usize = 107;

/// So many may wait to be accepted.
const BACKLOG: i32 = 64;

/// Listens at `path`, which only our user may connect to: the file has the mode 0600 from the moment it is there. What
/// stands there already is removed first, so be sure that nobody else listens there, as by a lock.
///
/// A name longer than [`LONGEST_NAME`] is reached through its directory.
pub fn bind_private(path: &Path) -> io::Result<UnixListener> {
    match unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // On Linux the file gets the mode that the socket has (unix(7): "the permissions"), less the umask.
    fchmod(&socket, Mode::from_raw_mode(0o600))?;
    by_name(path, |address| bind(&socket, address))?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Connects to the socket at `path`. Waits only as long as the queue of a busy listener is full.
pub fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    by_name(path, |address| connect(&socket, address))?;
    Ok(socket.into())
}

/// Does this error of [`connect_unix`] say that nobody is there who listens?
pub fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory)
}

/// Calls `act` with the address of `path`, or, where that is too long, with that of the same file below
/// `/proc/self/fd`: a directory that is open there has a short name.
fn by_name(path: &Path, act: impl FnOnce(&SocketAddrUnix) -> rustix::io::Result<()>) -> io::Result<()> {
    let mut short: (PathBuf, Option<OwnedFd>) = (path.to_owned(), None);
    if path.as_os_str().len() > LONGEST_NAME {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let directory = open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        short = (Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name), Some(directory));
    }
    act(&SocketAddrUnix::new(&short.0)?).map_err(io::Error::from)
}

/// The user at the other end of a connected socket (`SO_PEERCRED`, unix(7)): who it was when it connected.
#[expect(
    unsafe_code,
    reason = "getsockopt(2): the process may be invisible from here, which rustix's type cannot hold"
)]
pub fn peer_uid(socket: &impl AsFd) -> io::Result<u32> {
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let (socket, answer) = (socket.as_fd().as_raw_fd(), (&raw mut peer).cast());
    // SAFETY: the answer has the size that is told.
    if unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, answer, &raw mut size) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(peer.uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Item 5: a socket for our user alone, also under a name that is too long for an address.
    #[test]
    fn a_socket_is_private_and_may_have_a_long_name() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(60)).join("e".repeat(60));
        std::fs::create_dir_all(&deep).unwrap();
        for path in [dir.path().join("s.sock"), deep.join("control.sock")] {
            std::fs::File::create(&path).unwrap();
            let listener = bind_private(&path).unwrap();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            let ours = connect_unix(&path).unwrap();
            let (theirs, _) = listener.accept().unwrap();
            let uid = rustix::process::geteuid().as_raw();
            assert_eq!((peer_uid(&ours).unwrap(), peer_uid(&theirs).unwrap()), (uid, uid));
            drop(listener);
            assert_eq!(connect_unix(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
        assert_eq!(connect_unix(&dir.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let path = Path::new("/nowhere").join("x".repeat(200)).join("s");
        assert_eq!(bind_private(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(connect_unix(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
