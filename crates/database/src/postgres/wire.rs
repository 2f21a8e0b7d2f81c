//! The connection to one server, plain or inside TLS, with an ear on it.

use super::{
    SqlError,
    ear::{Ear, Heard},
    local::socket_name,
    sqlstate,
};
use crate::{
    Refusal, ServerState, socket,
    tls::{self, Check, Roots},
};
use config::dsn::{Host, PostgresDsn, SslMode};
use retry::Deadline;
use std::{
    future::{Ready, ready},
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready as ready_or_pending},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// SSLRequest: its length and its code (PostgreSQL manual, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Whether one try uses TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// No TLS.
    Plain,
    /// TLS if the server can, else plain over the same connection.
    Offered,
    /// TLS or nothing.
    Insisted,
}

/// The connection to one server.
pub(super) struct Wire {
    inner: Inner,
    encrypted: bool,
    ear: Ear,
    /// The same socket, for whoever takes over from this process.
    line: Option<OwnedFd>,
}

impl Wire {
    /// The socket, without what is said on it.
    pub(super) fn take_line(&mut self) -> Option<OwnedFd> {
        self.line.take()
    }

    /// Is it inside TLS?
    pub(super) fn encrypted(&self) -> bool {
        self.encrypted
    }
}

/// Opens the connection and, if so wanted, TLS in it.
pub(super) async fn open(
    dsn: &PostgresDsn,
    host: &Host,
    encryption: Encryption,
    heard: &Heard,
    deadline: &Deadline,
) -> Result<Wire, Refusal> {
    let ear = Ear::new(heard.clone());
    match host {
        Host::Unix(directory, port) => {
            let path = directory.join(socket_name(*port));
            let socket = socket::open_unix(&path, deadline).await?;
            let line = socket.as_fd().try_clone_to_owned().ok();
            Ok(Wire { inner: Box::pin(Plain(socket)), encrypted: false, ear, line })
        }
        Host::Tcp(name, port) => {
            let socket = socket::open_tcp(name, *port, deadline).await?;
            let (place, line) = (host.to_string(), socket.as_fd().try_clone_to_owned().ok());
            let secured = secure(dsn, name, &place, socket, encryption);
            let (inner, encrypted) = answered(host, deadline, secured).await??;
            Ok(Wire { inner, encrypted, ear, line })
        }
    }
}

/// Fails when `host`, which accepted the connection, stays silent.
pub(super) async fn answered<T>(host: &Host, deadline: &Deadline, work: impl Future<Output = T>) -> Result<T, Refusal> {
    socket::within(deadline, "", work).await.map_err(|refusal| Refusal {
        message: format!("{host} accepted the connection and said nothing for {}", report::seconds(deadline.elapsed())),
        hint: Some("is it PostgreSQL that listens there? It may also be overloaded or suspended".into()),
        ..refusal
    })
}

type Inner = Pin<Box<dyn TlsStream + Send>>;

async fn secure(
    dsn: &PostgresDsn,
    name: &str,
    place: &str,
    mut socket: tokio::net::TcpStream,
    encryption: Encryption,
) -> Result<(Inner, bool), Refusal> {
    if encryption == Encryption::Plain {
        return Ok((Box::pin(Plain(socket)), false));
    }
    match request(&mut socket, place).await? {
        b'S' => Ok((handshake(dsn, name, place, socket).await?, true)),
        b'N' if encryption == Encryption::Offered => Ok((Box::pin(Plain(socket)), false)),
        b'N' => Err(tls::trouble(
            format!("{place} does not offer TLS, and sslmode={} insists on it", dsn.sslmode),
            Some("turn on `ssl` in postgresql.conf, or use sslmode=prefer"),
        )),
        b'E' => Err(error_before_tls(socket, place).await),
        other => Err(not_postgres(place, other)),
    }
}

async fn request(socket: &mut tokio::net::TcpStream, place: &str) -> Result<u8, Refusal> {
    socket.write_all(&SSL_REQUEST).await.map_err(|error| socket::refusal(&error, place))?;
    socket.read_u8().await.map_err(|error| socket::refusal(&error, place))
}

async fn handshake(
    dsn: &PostgresDsn,
    name: &str,
    place: &str,
    socket: tokio::net::TcpStream,
) -> Result<Inner, Refusal> {
    let mut maker = MakeRustlsConnect::new(settings(dsn)?);
    let Ok(connector) =
        <MakeRustlsConnect as MakeTlsConnect<tokio::net::TcpStream>>::make_tls_connect(&mut maker, name);
    let stream = connector.connect(socket).await.map_err(|error| tls::refusal(&error, place))?;
    Ok(Box::pin(stream))
}

fn settings(dsn: &PostgresDsn) -> Result<rustls::ClientConfig, Refusal> {
    let check = match (dsn.sslmode, dsn.sslrootcert.as_deref()) {
        (SslMode::VerifyFull, _) | (_, Some("system")) => Check::Host,
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => Check::Authority,
        _ if dsn.channel_binding == config::dsn::ChannelBinding::Require => Check::Key,
        _ => Check::Nothing,
    };
    let roots = match dsn.sslrootcert.as_deref() {
        None | Some("system") => Roots::System,
        Some(file) => Roots::File(Path::new(file)),
    };
    tls::client(check, roots, dsn.sslcert.as_deref().zip(dsn.sslkey.as_deref()))
}

/// A server that cannot even start a process for us says so in the oldest protocol: text up to a zero.
async fn error_before_tls(mut socket: tokio::net::TcpStream, place: &str) -> Refusal {
    let mut text = vec![0; 512];
    let length = socket.read(&mut text).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..length]);
    Refusal {
        state: ServerState::Starting,
        message: format!(
            "{place} could not serve the connection: {}",
            text.split('\0').next().unwrap_or_default().trim()
        ),
        hint: None,
        ..socket::closed(place)
    }
}

fn not_postgres(place: &str, answer: u8) -> Refusal {
    let error = SqlError {
        code: "08P01".into(),
        message: format!(
            "{place} answered `{}`, which is not PostgreSQL's protocol",
            char::from(answer).escape_default()
        ),
        ..SqlError::default()
    };
    let hint = sqlstate::verdict("08P01", "", None).hint;
    Refusal { hint: hint.map(str::to_owned), ..error.refusal() }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready_or_pending!(self.inner.as_mut().poll_read(cx, buf))?;
        Poll::Ready(self.ear.take(&buf.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner.as_mut().poll_write(cx, bytes).map(|written| unless_gone(written, bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(cx).map(|flushed| unless_gone(flushed, ()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(cx)
    }
}

/// A server that has gone has said why before (57P01, say), and that may not have been read yet. The driver would drop
/// the connection at a failed write: so the write is called done, and the next read finds the words, then the end.
fn unless_gone<T>(result: io::Result<T>, done: T) -> io::Result<T> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(done),
        other => other,
    }
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// Hands the driver a connection whose TLS, if any, is already there.
pub(super) struct Ours;

impl TlsConnect<Wire> for Ours {
    type Stream = Wire;
    type Error = io::Error;
    type Future = Ready<io::Result<Wire>>;

    fn connect(self, wire: Wire) -> Self::Future {
        ready(Ok(wire))
    }
}

/// A connection without TLS.
struct Plain<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for Plain<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Plain<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Plain<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
