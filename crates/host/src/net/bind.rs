//! Listening, and who is in the way.

use super::sockets::tcp_listener_inodes;
use crate::proc::{self, Process};
use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    sync::Arc,
};

/// Why nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else does.
    #[error("`{addr}` is taken{}", by(holder.as_ref()))]
    AddrInUse {
        /// The address asked for.
        addr: SocketAddr,
        /// Who has it, when we may see that (same user or root).
        holder: Option<SocketHolder>,
    },
    /// Ports below 1024 are for root, or for whom `CAP_NET_BIND_SERVICE` is given.
    #[error("not allowed to listen on `{addr}`")]
    Denied {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// This machine does not have the address.
    #[error("`{addr}` is not an address of this machine")]
    NotLocal {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// Anything else.
    #[error("listen on `{addr}`: {error}")]
    Io {
        /// The address asked for.
        addr: SocketAddr,
        /// The cause.
        error: io::Error,
    },
}

/// The process that listens on an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketHolder {
    /// Its process id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
}

/// Listens on `addr` (port 0: any free one), with `SO_REUSEADDR` so that connections of an earlier life do not keep
/// the address, not inherited by children, and not blocking, ready for tokio.
pub fn bind_tcp(addr: SocketAddr) -> Result<TcpListener, BindError> {
    // The standard library sets SO_REUSEADDR and FD_CLOEXEC on every Unix.
    let bound = TcpListener::bind(addr).and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|error| refusal(addr, error))
}

/// Why nobody can listen on `addr`.
pub(super) fn refusal(addr: SocketAddr, error: io::Error) -> BindError {
    match error.kind() {
        io::ErrorKind::AddrInUse => BindError::AddrInUse { addr, holder: holder(addr) },
        io::ErrorKind::PermissionDenied => BindError::Denied { addr },
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal { addr },
        _ => BindError::Io { addr, error },
    }
}

/// The same for [`crate::process::Command::listeners`]: blocking, as programs that take a socket over expect it (the
/// mode belongs to the socket, so that it must be right before the first child has it).
pub fn bind_for_child(addr: SocketAddr) -> Result<Arc<OwnedFd>, BindError> {
    let listener = bind_tcp(addr)?;
    listener.set_nonblocking(false).map_err(|error| BindError::Io { addr, error })?;
    Ok(Arc::new(listener.into()))
}

fn holder(addr: SocketAddr) -> Option<SocketHolder> {
    let inodes = tcp_listener_inodes(addr);
    let process = proc::all().into_iter().find(|process| process.sockets().any(|inode| inodes.contains(&inode)))?;
    let command = process.cmdline().or_else(|| Process::stat(process).map(|stat| stat.name)).unwrap_or_default();
    Some(SocketHolder { pid: process.pid, command })
}

fn by(holder: Option<&SocketHolder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}

impl fmt::Display for SocketHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (`{}`)", self.pid, self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_port_is_named() {
        let first = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = first.local_addr().unwrap();
        let error = bind_tcp(addr).unwrap_err();
        let BindError::AddrInUse { holder: Some(holder), .. } = &error else { panic!("{error:?}") };
        assert_eq!(holder.pid, std::process::id());
        assert!(error.to_string().starts_with(&format!("`{addr}` is taken by process {} (`", holder.pid)), "{error}");
    }

    #[test]
    fn a_listener_on_every_address_is_found_too() {
        let first = bind_tcp("0.0.0.0:0".parse().unwrap()).unwrap();
        let addr = SocketAddr::from(([127, 0, 0, 1], first.local_addr().unwrap().port()));
        let error = bind_tcp(addr).unwrap_err();
        assert!(matches!(error, BindError::AddrInUse { holder: Some(_), .. }), "{error:?}");
    }

    #[test]
    fn an_address_of_somebody_else_is_told_apart() {
        // TEST-NET-1 of RFC 5737 is nobody's.
        let error = bind_tcp("192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "`192.0.2.1:0` is not an address of this machine");
    }

    #[test]
    fn only_the_socket_of_a_child_blocks() {
        let addr = "127.0.0.1:0".parse().unwrap();
        let blocks = |fd: &OwnedFd| !rustix::fs::fcntl_getfl(fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK);
        assert!(!blocks(&bind_tcp(addr).unwrap().into()));
        assert!(blocks(&bind_for_child(addr).unwrap()));
    }
}
