//! The sockets of this machine, as the kernel lists them.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

/// The state of a TCP socket that listens (include/net/tcp_states.h).
const LISTEN: &str = "0A";
/// The flag of a Unix socket that listens (`__SO_ACCEPTCON`, include/uapi/linux/net.h).
const ACCEPTS: u32 = 1 << 16;

/// The inodes of the sockets that listen where `addr` does, or on every address.
pub(super) fn tcp_listener_inodes(addr: SocketAddr) -> BTreeSet<u64> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.into_iter().filter_map(read);
    tables
        .flat_map(|table| table.lines().filter_map(tcp_listener).collect::<Vec<_>>())
        .filter(|(there, _)| in_the_way(*there, addr))
        .map(|(_, inode)| inode)
        .collect()
}

fn in_the_way(there: SocketAddr, wanted: SocketAddr) -> bool {
    let (there_ip, wanted_ip) = (there.ip().to_canonical(), wanted.ip().to_canonical());
    there.port() == wanted.port() && (there_ip == wanted_ip || there_ip.is_unspecified() || wanted_ip.is_unspecified())
}

/// `0: 0100007F:1F40 00000000:0000 0A ...`: address, and the inode in the tenth column (proc_pid_net(5)).
fn tcp_listener(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    let addr = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
    (fields.get(3) == Some(&LISTEN)).then_some(())?;
    Some((addr, fields.get(9)?.parse().ok()?))
}

/// Words of four bytes, each printed as a number in the order of this machine.
fn address(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok());
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.into_iter().flat_map(u32::to_ne_bytes).collect();
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes.as_slice()).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}

/// The paths of all Unix sockets that somebody listens on, in our network namespace. They are as their owners wrote
/// them: another mount namespace may see other files there.
pub fn unix_socket_paths() -> Vec<PathBuf> {
    unix_listeners(&read("/proc/net/unix").unwrap_or_default())
}

/// `Num RefCount Protocol Flags Type St Inode Path`; a path may hold spaces, an abstract one begins with `@`.
fn unix_listeners(table: &str) -> Vec<PathBuf> {
    let listener = |line: &str| {
        let path = line.find(" /").map(|at| &line[at + 1..])?;
        let flags = u32::from_str_radix(line.split_ascii_whitespace().nth(3)?, 16).ok()?;
        (flags & ACCEPTS != 0).then(|| PathBuf::from(path))
    };
    table.lines().filter_map(listener).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The process that listens on the Unix socket at `path` (`SO_PEERCRED`, unix(7)): it was the one that called
/// listen(2). Connects without waiting, says nothing and closes at once.
///
/// # Errors
/// `ConnectionRefused` when nobody listens there, `WouldBlock` when its queue is full, `NotFound` when there is no file
/// or the process is not visible from here.
pub fn unix_peer_pid(path: &Path) -> io::Result<u32> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    peer_pid(&socket)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Nothing when the process is outside of our pid namespace: its number is 0 then, which rustix's type cannot hold.
#[expect(unsafe_code, reason = "getsockopt(2) without a type of its own for the answer")]
fn peer_pid(socket: &OwnedFd) -> io::Result<Option<u32>> {
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    let (socket, answer) = (socket.as_raw_fd(), (&raw mut peer).cast());
    // SAFETY: the answer has the size that is told.
    if unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, answer, &raw mut size) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u32::try_from(peer.pid).ok().filter(|pid| *pid > 0))
}

#[expect(clippy::disallowed_methods, reason = "files of the kernel, bounded by nature")]
fn read(path: &str) -> Option<String> {
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn listeners_are_read_from_the_table() {
        let line =
            "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 12345 1 0 100 0 0 10 0";
        assert_eq!(tcp_listener(line), Some(("127.0.0.1:8000".parse().unwrap(), 12345)));
        assert_eq!(tcp_listener(&line.replace(" 0A ", " 01 ")), None);
        assert_eq!(tcp_listener("  sl  local_address rem_address   st tx_queue"), None);
        assert_eq!(address("00000000000000000000000001000000"), Some(IpAddr::from(Ipv6Addr::LOCALHOST)));
        assert_eq!(address("xyz"), None);
    }

    #[test]
    fn the_same_port_on_every_address_is_in_the_way() {
        let cases = [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "0.0.0.0:1", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
            ("127.0.0.2:1", "127.0.0.1:1", false),
            ("127.0.0.1:2", "127.0.0.1:1", false),
        ];
        for (there, wanted, expected) in cases {
            assert_eq!(in_the_way(there.parse().unwrap(), wanted.parse().unwrap()), expected, "{there} {wanted}");
        }
    }

    #[test]
    fn unix_listeners_have_a_path_and_the_flag() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/a b/.s.PGSQL.5432\n\
                     0000000000000000: 00000003 00000000 00000000 0001 03 22 /run/connected\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 23 @abstract\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 24\n";
        assert_eq!(unix_listeners(table), [PathBuf::from("/run/a b/.s.PGSQL.5432")]);
    }

    #[test]
    fn who_listens_on_a_socket_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".s.PGSQL.5432");
        let listener = UnixListener::bind(&path).unwrap();
        assert!(unix_socket_paths().contains(&path));
        assert_eq!(unix_peer_pid(&path).unwrap(), std::process::id());
        drop(listener);
        assert!(!unix_socket_paths().contains(&path));
        assert_eq!(unix_peer_pid(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(unix_peer_pid(&dir.path().join("gone")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
