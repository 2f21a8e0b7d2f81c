//! Two listeners at one address, and who of them gets which connection.
//!
//! Both sockets share their port by `SO_REUSEPORT` (socket(7)), and a classic BPF program that is attached to their group says by index
//! which of them the kernel gives a new connection to (`SO_ATTACH_REUSEPORT_CBPF`, Linux 4.6; no privilege is needed). So a second
//! generation of a program can listen beside the first, be asked by nobody but who comes from [`PREVIEW`], and get everything from one
//! moment on. What waits in the first one's queue stays there: it is taken by whoever has accepted there so far.
//!
//! While there is one listener alone nobody else may share its port: `SO_REUSEPORT` is off, but for the moment of the listening, where the
//! group is made. The places in the group are those of `reuseport_add_sock()` and `reuseport_detach_sock()` in
//! net/core/sock_reuseport.c: a newer socket comes behind the older ones, and the last takes the place of one that is closed. An index
//! beyond the last is none, and then the hash of the connection decides, which is the only one where there is one.

use super::bind::{BindError, refusal};
use rustix::net::{
    AddressFamily, Shutdown, SocketFlags, SocketType, bind, getsockname, listen, shutdown, socket_with,
    sockopt::{set_ipv6_tclass, set_socket_reuseaddr, set_socket_reuseport},
};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

/// Connections from this address get the newer of two listeners. Nobody outside of this machine has it.
pub const PREVIEW: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 83);

/// IPv6 has one address of its own machine alone, so there connections from `::1` get it that are of this traffic class: a code point that
/// is left to local use (RFC 2474, 6), so that nobody else has it by chance.
const PREVIEW_CLASS: u32 = 19 << 2;

/// As many as the system allows (`net.core.somaxconn`).
const LONGEST_QUEUE: i32 = -1;

/// Listens on `addr` (port 0: any free one) as [`super::bind_tcp`] does, but blocking, as programs that take a socket over expect it,
/// and so that [`listen_beside`] can follow.
pub fn bind_alone(addr: SocketAddr) -> Result<OwnedFd, BindError> {
    let bound = || -> io::Result<OwnedFd> {
        let socket = new_socket(addr)?;
        bind(&socket, &addr)?;
        // Only now: whoever has the port already is in the way, whatever they allow.
        set_socket_reuseport(&socket, true)?;
        listen(&socket, LONGEST_QUEUE)?;
        set_socket_reuseport(&socket, false)?;
        Ok(socket)
    };
    bound().map_err(|error| refusal(addr, error))
}

/// From now on `socket`, which is not connected yet, comes from [`PREVIEW`], or over IPv6 as those do who look at the newer of two
/// listeners there.
///
/// # Errors
/// Those of the kernel.
pub fn come_from_preview(socket: impl AsFd, to: SocketAddr) -> io::Result<()> {
    let from: SocketAddr = match to {
        SocketAddr::V4(_) => (PREVIEW, 0).into(),
        SocketAddr::V6(_) => {
            set_ipv6_tclass(&socket, PREVIEW_CLASS)?;
            (Ipv6Addr::LOCALHOST, 0).into()
        }
    };
    Ok(bind(&socket, &from)?)
}

/// A second listener at the address of `first`. It gets what comes from [`PREVIEW`], and nothing else until [`lead_to_second`].
///
/// # Errors
/// When the kernel cannot do that.
pub fn listen_beside(first: impl AsFd) -> io::Result<OwnedFd> {
    let first = first.as_fd();
    let addr = SocketAddr::try_from(getsockname(first)?)?;
    attach(first, Lead { usual: 0, preview: 1 })?;
    set_socket_reuseport(first, true)?;
    let second = || -> io::Result<OwnedFd> {
        let second = new_socket(addr)?;
        set_socket_reuseport(&second, true)?;
        bind(&second, &addr)?;
        listen(&second, LONGEST_QUEUE)?;
        Ok(second)
    };
    second().inspect_err(|_| {
        let _ = set_socket_reuseport(first, false);
    })
}

/// From now on every connection is the second listener's, of which `socket` is either one.
pub fn lead_to_second(socket: impl AsFd) -> io::Result<()> {
    attach(socket.as_fd(), Lead { usual: 1, preview: 1 })
}

/// The other listener is gone: nobody may share the port any more.
pub fn be_alone(socket: impl AsFd) -> io::Result<()> {
    set_socket_reuseport(socket.as_fd(), false).map_err(Into::into)
}

/// Nobody listens at `socket` any more, whoever else has it. It leaves its place in the group, and what waits in its queue is lost.
pub fn stop_listening(socket: impl AsFd) -> io::Result<()> {
    shutdown(socket, Shutdown::Both).map_err(Into::into)
}

/// How many connections wait to be accepted at `socket`.
#[expect(unsafe_code, reason = "TCP_INFO has no safe interface")]
pub fn waiting(socket: impl AsFd) -> io::Result<u32> {
    // SAFETY: `tcp_info` is plain numbers, for which zero is valid.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of_val(&info)).unwrap_or(0);
    // SAFETY: the descriptor is open for the call; the kernel writes `length` bytes at most.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    // Of a listener these are the connections in its queue (tcp_get_info() in net/ipv4/tcp.c).
    if done == 0 { Ok(info.tcpi_unacked) } else { Err(io::Error::last_os_error()) }
}

/// The port of a socket.
pub fn port(socket: impl AsFd) -> io::Result<u16> {
    SocketAddr::try_from(getsockname(socket)?).map(|addr| addr.port()).map_err(Into::into)
}

fn new_socket(addr: SocketAddr) -> io::Result<OwnedFd> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    Ok(socket)
}

/// By index in the group.
struct Lead {
    usual: u32,
    preview: u32,
}

/// `SKF_AD_OFF` and `SKF_AD_PROTOCOL`: the protocol of the packet (include/uapi/linux/filter.h).
const PROTOCOL: u32 = -0x1000_i32 as u32;
/// `SKF_NET_OFF` and the place of the source in a header of IPv4.
const SOURCE: u32 = (-0x10_0000_i32 + 12) as u32;
/// `ETH_P_IP`.
const IPV4: u32 = 0x0800;
/// `ETH_P_IPV6`.
const IPV6: u32 = 0x86dd;
/// `SKF_NET_OFF`: the header of IPv6 begins with its version and the traffic class; the source is behind its first eight bytes (RFC 8200, 3).
const HEADER: u32 = -0x10_0000_i32 as u32;

#[expect(unsafe_code, reason = "programs of BPF have no safe interface")]
fn attach(socket: impl AsFd, lead: Lead) -> io::Result<()> {
    let load = |size: u32, from: u32| instruction(libc::BPF_LD | size | libc::BPF_ABS, 0, 0, from);
    let equal = |value: u32, yes: u8, no: u8| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value);
    let answer = |index: u32| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, index);
    let mut program = [
        load(libc::BPF_H, PROTOCOL),
        equal(IPV4, 0, 2),
        load(libc::BPF_W, SOURCE),
        equal(u32::from(PREVIEW), 13, 12),
        equal(IPV6, 0, 11),
        load(libc::BPF_H, HEADER),
        instruction(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0x0ff0),
        equal(PREVIEW_CLASS << 4, 0, 8),
        load(libc::BPF_W, HEADER + 8),
        equal(0, 0, 6),
        load(libc::BPF_W, HEADER + 12),
        equal(0, 0, 4),
        load(libc::BPF_W, HEADER + 16),
        equal(0, 0, 2),
        load(libc::BPF_W, HEADER + 20),
        equal(1, 1, 0),
        answer(lead.usual),
        answer(lead.preview),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the descriptor is open, and the program outlives the call, which copies it.
    let done = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const filter).cast(),
            size_of_val(&filter) as libc::socklen_t,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::connect;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    fn serve(socket: &OwnedFd, says: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::from(socket.try_clone().unwrap());
        let addr = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.and_then(|mut stream| stream.write_all(says));
            }
        });
        addr
    }

    fn ask(addr: SocketAddr, from: Ipv4Addr) -> String {
        let ip: std::net::IpAddr =
            if addr.ip() == Ipv6Addr::LOCALHOST { addr.ip() } else { Ipv4Addr::LOCALHOST.into() };
        let to = SocketAddr::from((ip, addr.port()));
        let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        if from == PREVIEW {
            come_from_preview(&socket, to).unwrap();
        }
        connect(&socket, &to).unwrap();
        let mut said = String::new();
        TcpStream::from(socket).read_to_string(&mut said).unwrap();
        said
    }

    fn asked(addr: SocketAddr) -> (String, String) {
        let all = |from| {
            let answers: std::collections::BTreeSet<String> = (0..100).map(|_| ask(addr, from)).collect();
            answers.into_iter().collect::<Vec<_>>().join(" and ")
        };
        (all(Ipv4Addr::LOCALHOST), all(PREVIEW))
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    /// S1.7: the old one gets everything until it is switched, the new one only what comes to look at it.
    #[test]
    fn connections_go_where_they_are_led() {
        for addr in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0", "[::1]:0"] {
            let first = bind_alone(addr.parse().unwrap()).unwrap();
            let at = serve(&first, b"first");
            assert_eq!(asked(at), pair("first", "first"), "{addr}");
            let second = listen_beside(&first).unwrap();
            serve(&second, b"second");
            assert_eq!(asked(at), pair("first", "second"), "{addr}");
            lead_to_second(&second).unwrap();
            assert_eq!(asked(at), pair("second", "second"), "{addr}");
        }
    }

    /// Twice in a row, with sockets that really close, and once given up.
    #[test]
    fn places_in_the_group_are_found_again() {
        let first = bind_alone("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = SocketAddr::try_from(getsockname(&first).unwrap()).unwrap();
        drop(listen_beside(&first).unwrap());
        be_alone(&first).unwrap();
        let second = listen_beside(&first).unwrap();
        lead_to_second(&second).unwrap();
        stop_listening(&first).unwrap();
        be_alone(&second).unwrap();
        serve(&second, b"second");
        assert_eq!(asked(at), pair("second", "second"));
        let third = listen_beside(&second).unwrap();
        serve(&third, b"third");
        assert_eq!(asked(at), pair("second", "third"));
        lead_to_second(&second).unwrap();
        assert_eq!(asked(at), pair("third", "third"));
    }

    /// A second program at the same port is told so, as ever.
    #[test]
    fn somebody_else_is_in_the_way() {
        let first = bind_alone("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = SocketAddr::try_from(getsockname(&first).unwrap()).unwrap();
        assert!(matches!(bind_alone(at), Err(BindError::AddrInUse { holder: Some(_), .. })));
        let second = listen_beside(&first).unwrap();
        assert!(matches!(bind_alone(at), Err(BindError::AddrInUse { holder: Some(_), .. })));
        drop(second);
    }

    #[test]
    fn what_waits_is_counted() {
        let first = bind_alone("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = SocketAddr::try_from(getsockname(&first).unwrap()).unwrap();
        assert_eq!(waiting(&first).unwrap(), 0);
        let _connections = [TcpStream::connect(at).unwrap(), TcpStream::connect(at).unwrap()];
        assert_eq!(waiting(&first).unwrap(), 2);
    }
}
