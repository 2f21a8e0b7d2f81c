//! Both ends of the socket on which a service tells its supervisor how it is (sd_notify(3)).

use crate::{
    descriptor::readable,
    handover::{Descriptors, Handing},
};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags,
        SocketType, bind, getsockname, recvmsg, sendto, socket_with, sockopt::set_socket_passcred,
    },
};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};
use tokio::io::{Interest, unix::AsyncFd};

/// More than so many bytes are not read of one datagram; systemd reads as many.
const LARGEST: usize = 4096;

/// So many descriptors are taken from one datagram, to be closed; the kernel closes the others.
const DESCRIPTORS: usize = 16;

/// The end of the supervisor.
#[derive(Debug)]
pub struct Ear {
    socket: AsyncFd<OwnedFd>,
    name: String,
    path: Option<PathBuf>,
}

/// The end of the supervisor, as it is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedEar {
    descriptor: RawFd,
    name: String,
    path: Option<PathBuf>,
}

/// What somebody told.
#[derive(Debug)]
pub struct Told {
    /// Who, as the kernel says; nothing when it cannot be seen from here.
    pub pid: Option<u32>,
    /// What: lines `NAME=value`.
    pub text: Vec<u8>,
    /// What was passed along. It is closed when this is dropped, which is the answer to `BARRIER=1`.
    pub descriptors: Vec<OwnedFd>,
}

impl Ear {
    /// Hears at `path`, which only our user may write to; what stands there is removed. A path that is too long for an address,
    /// or whose directory is not there, gives way to a name without a file.
    ///
    /// # Errors
    /// Those of the system.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        set_socket_passcred(&socket, true)?;
        let fits = path.as_os_str().len() <= crate::net::LONGEST_NAME && path.parent().is_some_and(Path::is_dir);
        let path = fits.then(|| path.to_owned());
        let name = match &path {
            Some(path) => at_path(&socket, path)?,
            None => without_file(&socket)?,
        };
        Ok(Self { socket: readable(socket)?, name, path })
    }

    /// For the next version of this process.
    pub fn hand_over(&self, all: &mut Handing) -> HandedEar {
        HandedEar { descriptor: all.put(self.socket.get_ref()), name: self.name.clone(), path: self.path.clone() }
    }

    /// One that an earlier version of this process has handed over.
    ///
    /// # Errors
    /// Those of the system.
    pub fn take_over(handed: HandedEar, all: &mut Descriptors) -> io::Result<Self> {
        let HandedEar { descriptor, name, path } = handed;
        Ok(Self { socket: readable(all.take(descriptor)?)?, name, path })
    }

    /// What `NOTIFY_SOCKET` has to be.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next that is told. Safe to drop and call again.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn hear(&self) -> io::Result<Told> {
        self.socket.async_io(Interest::READABLE, |socket| receive(socket).map_err(io::Error::from)).await
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn at_path(socket: &OwnedFd, path: &Path) -> io::Result<String> {
    let name = path.to_str().ok_or_else(|| io::Error::other("the path of the socket is not UTF-8"))?;
    match rustix::fs::unlink(path) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    // On Linux the file gets the mode that the socket has (unix(7)).
    rustix::fs::fchmod(socket, rustix::fs::Mode::from_raw_mode(0o600))?;
    bind(socket, &SocketAddrUnix::new(path)?)?;
    Ok(name.to_owned())
}

/// The kernel finds a free name, of five hexadecimal digits (unix(7), "Autobind").
fn without_file(socket: &OwnedFd) -> io::Result<String> {
    bind(socket, &SocketAddrUnix::new_unnamed())?;
    let address = SocketAddrUnix::try_from(getsockname(socket)?)?;
    let name = address.abstract_name().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(format!("@{}", String::from_utf8_lossy(name)))
}

fn receive(socket: &OwnedFd) -> rustix::io::Result<Told> {
    let mut text = vec![0; LARGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1), ScmRights(DESCRIPTORS))];
    let mut extra = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut extra, flags)?;
    text.truncate(received.bytes);
    let (mut pid, mut descriptors) = (None, Vec::new());
    for message in extra.drain() {
        match message {
            RecvAncillaryMessage::ScmCredentials(who) => {
                pid = u32::try_from(who.pid.as_raw_pid()).ok().filter(|pid| *pid > 0)
            }
            RecvAncillaryMessage::ScmRights(passed) => descriptors.extend(passed),
            _ => {}
        }
    }
    Ok(Told { pid, text, descriptors })
}

/// The end of the service: tells the supervisor that listens at `name`, the value of `NOTIFY_SOCKET`. Never waits.
///
/// # Errors
/// Those of the system; a name that is neither a path nor begins with `@`.
pub fn tell(name: &str, text: &str) -> io::Result<()> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        None if name.starts_with('/') => SocketAddrUnix::new(Path::new(name).as_os_str().as_bytes())?,
        None => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a path nor begins with `@`")),
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, text.as_bytes(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Item 6: what is told arrives whole, with the kernel's word who told it; by path, and without one where that is too long.
    #[tokio::test]
    async fn what_is_told_arrives_with_its_sender() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().join("api.sock"), dir.path().join("x".repeat(120))] {
            let ear = Ear::bind(&path).unwrap();
            assert_eq!(ear.name().starts_with('@'), !path.exists(), "{}", ear.name());
            tell(ear.name(), "READY=1\nSTATUS=fine").unwrap();
            let told = ear.hear().await.unwrap();
            assert_eq!(
                (told.pid, told.text.as_slice()),
                (Some(std::process::id()), b"READY=1\nSTATUS=fine".as_slice())
            );
            tell(ear.name(), &"x".repeat(LARGEST + 10)).unwrap();
            assert_eq!(ear.hear().await.unwrap().text.len(), LARGEST);
            drop(ear);
            assert!(!path.exists());
        }
        assert!(tell("relative", "READY=1").is_err() && tell("/nowhere/at/all", "READY=1").is_err());
    }
}
