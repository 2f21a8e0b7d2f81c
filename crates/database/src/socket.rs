//! Opens sockets to servers, and says in our words why it could not.

use crate::{Patience, Refusal, ServerState};
use host::net::{PREVIEW, ResolveError, come_from_preview, resolve};
use retry::Deadline;
use rustix::net::sockopt;
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream, UnixStream},
    time::timeout,
};

/// A dead peer is noticed within 25 s: the first question after 10 s of silence, three of them 5 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_COUNT: u32 = 3;
const USER_TIMEOUT_MS: u32 = 25_000;
/// The code of a refusal by this machine, before any server was asked.
pub(crate) const FORBIDDEN: &str = "EACCES";
/// A name may be unknown while its container is being started.
const NAME_GRACE: Patience = Patience::Grace(Duration::from_secs(30));

/// Connects to the first address of `host` that accepts.
pub async fn open_tcp(host: &str, port: u16, deadline: &Deadline) -> Result<TcpStream, Refusal> {
    open_tcp_from(None, host, port, deadline).await
}

/// The same, coming from an address of this machine where one is given; then only addresses of IPv4 are tried, but for those who come
/// from [`PREVIEW`].
pub async fn open_tcp_from(
    from: Option<Ipv4Addr>,
    host: &str,
    port: u16,
    deadline: &Deadline,
) -> Result<TcpStream, Refusal> {
    let mut addresses = within(deadline, host, addresses(host, port)).await??;
    addresses.retain(|address| from.is_none_or(|from| from == PREVIEW) || address.is_ipv4());
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        match open_address(from, *address, share(deadline, addresses.len() - tried)).await {
            Ok(stream) => return Ok(stream),
            Err(refusal) => last = Some(refusal),
        }
    }
    Err(last.unwrap_or_else(|| unknown_name(host)))
}

/// Connects to the unix socket at `path`.
pub async fn open_unix(path: &Path, deadline: &Deadline) -> Result<UnixStream, Refusal> {
    let place = path.display().to_string();
    within(deadline, &place, UnixStream::connect(path)).await?.map_err(|error| refusal(&error, &place))
}

/// Fails with `unreachable` when `work` is not done in time.
pub async fn within<T>(deadline: &Deadline, place: &str, work: impl Future<Output = T>) -> Result<T, Refusal> {
    let limit = deadline.remaining().unwrap_or(Duration::MAX);
    timeout(limit, work).await.map_err(|_| no_answer(place, deadline.elapsed()))
}

async fn open_address(from: Option<Ipv4Addr>, address: SocketAddr, limit: Duration) -> Result<TcpStream, Refusal> {
    let place = address.to_string();
    let stream = timeout(limit, connect(from, address))
        .await
        .map_err(|_| no_answer(&place, limit))?
        .map_err(|error| refusal(&error, &place))?;
    keep_alive(&stream).map_err(|error| refusal(&error, &place))?;
    Ok(stream)
}

async fn connect(from: Option<Ipv4Addr>, address: SocketAddr) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    match from {
        PREVIEW => come_from_preview(&socket, address)?,
        from => socket.bind((from, 0).into())?,
    }
    socket.connect(address).await
}

/// What is left, fairly shared with those that come after.
fn share(deadline: &Deadline, left: usize) -> Duration {
    deadline.remaining().unwrap_or(Duration::MAX) / u32::try_from(left).unwrap_or(u32::MAX).max(1)
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_COUNT)?;
    Ok(sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS)?)
}

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Refusal> {
    resolve(host, port).await.map_err(|error| match error {
        ResolveError::NotFound { .. } => unknown_name(host),
        ResolveError::TryAgain { .. } | ResolveError::Other { .. } => Refusal {
            message: error.to_string(),
            hint: Some("does name resolution work on this machine (/etc/resolv.conf)?".into()),
            ..unreachable()
        },
    })
}

fn unreachable() -> Refusal {
    Refusal {
        state: ServerState::Unreachable,
        patience: Patience::Deadline,
        code: None,
        message: String::new(),
        detail: None,
        hint: None,
    }
}

fn unknown_name(host: &str) -> Refusal {
    Refusal {
        patience: NAME_GRACE,
        message: format!("no host is called `{host}`"),
        hint: Some("check the host name; in Compose and Kubernetes it is the name of the service".into()),
        ..unreachable()
    }
}

fn no_answer(place: &str, after: Duration) -> Refusal {
    Refusal {
        message: format!("no answer from {place} within {}", report::seconds(after)),
        hint: Some("is the address right, and is a firewall between?".into()),
        ..unreachable()
    }
}

/// The server at `place` ended the connection before it had said anything of use.
pub fn closed(place: &str) -> Refusal {
    Refusal {
        state: ServerState::Down,
        message: format!("{place} closed the connection without a word"),
        hint: Some("a proxy may listen there while the server behind it does not run yet".into()),
        ..unreachable()
    }
}

/// An error of a socket to `place`, in our words.
pub fn refusal(error: &io::Error, place: &str) -> Refusal {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            Refusal { state: ServerState::Down, message: format!("{place} refused the connection"), ..unreachable() }
        }
        ErrorKind::NotFound => {
            Refusal { state: ServerState::Down, message: format!("no socket at {place}"), ..unreachable() }
        }
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => closed(place),
        ErrorKind::PermissionDenied => Refusal {
            state: ServerState::Denied,
            patience: Patience::None,
            code: Some(FORBIDDEN.into()),
            message: format!("not permitted to connect to {place}"),
            hint: Some(
                "the directories above the socket must be searchable, the socket writable, for this user".into(),
            ),
            ..unreachable()
        },
        // connect(2) to a unix socket does not wait for a place in the queue.
        ErrorKind::WouldBlock => Refusal {
            message: format!("{place} accepts nobody now: as many as it allows are waiting already"),
            hint: Some("its server may be overloaded or suspended".into()),
            ..unreachable()
        },
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            Refusal { message: format!("{place} cannot be reached: {error}"), ..unreachable() }
        }
        _ => Refusal {
            state: ServerState::Unknown,
            message: format!("could not talk to {place}: {error}"),
            ..unreachable()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_sockets_become_states() {
        let rows = [
            (ErrorKind::ConnectionRefused, ServerState::Down, Patience::Deadline),
            (ErrorKind::NotFound, ServerState::Down, Patience::Deadline),
            (ErrorKind::UnexpectedEof, ServerState::Down, Patience::Deadline),
            (ErrorKind::HostUnreachable, ServerState::Unreachable, Patience::Deadline),
            (ErrorKind::WouldBlock, ServerState::Unreachable, Patience::Deadline),
            (ErrorKind::PermissionDenied, ServerState::Denied, Patience::None),
            (ErrorKind::Other, ServerState::Unknown, Patience::Deadline),
        ];
        for (kind, state, patience) in rows {
            let refusal = refusal(&io::Error::from(kind), "db:5432");
            assert_eq!((refusal.state, refusal.patience), (state, patience), "{kind:?}");
            assert!(refusal.message.contains("db:5432"), "{refusal}");
        }
    }

    /// A suspended server fills its queue; that is no fault of ours.
    #[tokio::test]
    async fn a_full_queue_is_unreachable() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let mut waiting = Vec::new();
        let refusal = loop {
            match open_unix(&path, &Deadline::after(Duration::from_secs(20))).await {
                Ok(stream) if waiting.len() < 10 => waiting.push(stream),
                Ok(_) => panic!("the queue has no end"),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!((refusal.state, refusal.patience), (ServerState::Unreachable, Patience::Deadline), "{refusal}");
    }

    /// A name that does not exist is forgiven for 30 s: Compose may not have started it yet.
    #[tokio::test]
    async fn an_unknown_name_has_a_grace() {
        let refusal =
            open_tcp("no-such-host.invalid", 5432, &Deadline::after(Duration::from_secs(20))).await.unwrap_err();
        assert_eq!(refusal.state, ServerState::Unreachable);
        assert!(refusal.message.contains("no-such-host.invalid"), "{refusal}");
    }
}
