//! Connections of whoever asks, from the moment they are accepted.

use crate::{
    Certificates,
    acme::{Challenges, Found},
    body::Outgoing,
    exchange::exchange,
    headers::Asker,
    page::{self, Problem},
    patient::Patient,
    proxy::Proxy,
    switchboard::Shared,
    wary::Wary,
};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{HOST, HeaderValue},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use report::{Event, Level};
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

/// How HTTP/2 with prior knowledge begins (RFC 9113, 3.4); no request of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A client that does not answer for so long is gone.
const PING: Duration = Duration::from_secs(20);

/// What stands behind a listener.
#[derive(Clone)]
pub enum Door {
    /// The application.
    Plain,
    /// The application, over TLS.
    Tls(Arc<Certificates>),
    /// Whoever comes is sent to the same place over HTTPS.
    Redirect {
        /// The port of HTTPS.
        port: u16,
        /// What an authority may look for, which is answered here.
        challenges: Option<Arc<Challenges>>,
    },
}

/// Answers whoever connects until the proxy stops and the last connection has ended.
///
/// # Errors
/// When `listener` cannot be used at all.
pub async fn serve(proxy: Arc<Proxy>, listener: TcpListener, door: Door) -> io::Result<()> {
    let shared = proxy.shared();
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut stopping = pin!(shared.told_to_stop());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Whoever comes when all are taken waits in the queue of the socket.
            accepted = listener.accept(), if connections.len() < shared.settings.limits.connections => match accepted {
                Ok((stream, from)) => drop(connections.spawn(welcome(shared.clone(), stream, from, door.clone()))),
                // Out of descriptors, most likely: some will be free again soon.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            () = &mut stopping => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn welcome(shared: Arc<Shared>, stream: TcpStream, from: SocketAddr, door: Door) {
    // Small answers are not to wait for the acknowledgement of the last one.
    let _ = stream.set_nodelay(true);
    match door {
        Door::Redirect { port, challenges } => redirect(&shared, stream, port, challenges.as_deref()).await,
        Door::Plain => plain(&shared, stream, from.ip()).await,
        Door::Tls(certificates) => encrypted(&shared, stream, from.ip(), &certificates).await,
    }
}

async fn plain(shared: &Arc<Shared>, stream: TcpStream, from: IpAddr) {
    let asker = Asker::new(from, false);
    let begun = tokio::select! {
        begun = timeout(shared.settings.times.head, begins_as_http2(&stream)) => begun,
        // Who has said nothing yet is owed no answer.
        () = shared.told_to_stop() => return,
    };
    match begun {
        Ok(Ok(true)) => talk_http2(shared, stream, asker).await,
        Ok(Ok(false)) => talk_http1(shared, stream, asker).await,
        // Nothing was said in time.
        Ok(Err(_)) | Err(_) => {}
    }
}

/// Looks at the first bytes and leaves them there.
async fn begins_as_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        let seen = stream.peek(&mut first).await?;
        if seen == 0 || first[..seen] != PREFACE[..seen] {
            return Ok(false);
        }
        if seen == PREFACE.len() {
            return Ok(true);
        }
        // It stays readable, so there is nothing to wait for.
        sleep(Duration::from_millis(5)).await;
    }
}

async fn encrypted(shared: &Arc<Shared>, stream: TcpStream, from: IpAddr, certificates: &Certificates) {
    let (config, wrong) = certificates.current();
    if let Some(error) = wrong {
        let text = format!("the new certificate cannot be used, the old one stays: {error}");
        shared.journal.note(Event::new("proxy.certificate", text).level(Level::Error));
    }
    let handshake = TlsAcceptor::from(config).accept(stream);
    let Ok(Ok(stream)) = timeout(shared.settings.times.handshake, handshake).await else { return };
    let asker = Asker::new(from, true);
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => talk_http2(shared, stream, asker).await,
        _ => talk_http1(shared, stream, asker).await,
    }
}

async fn talk_http1<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(shared: &Arc<Shared>, stream: T, asker: Asker) {
    let (stream, seen) = Wary::new(Patient::on_writes(stream, shared.settings.times.write));
    let io = TokioIo::new(stream);
    let service = service_fn(|request| async {
        Ok::<_, Infallible>(match seen.two_lengths(&request) {
            true => Problem::TwoLengths.page(),
            false => exchange(shared, &asker, request).await,
        })
    });
    let connection = http1_builder(shared).serve_connection(io, service).with_upgrades();
    let (mut connection, stopping) = (pin!(connection), shared.told_to_stop());
    // Whoever misbehaves or leaves is told by hyper, if at all.
    tokio::select! {
        biased;
        _ = &mut connection => return,
        () = stopping => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn http1_builder(shared: &Shared) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(shared.settings.times.head)
        .max_buf_size(shared.settings.limits.head.max(8 * 1024));
    builder
}

async fn talk_http2<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(shared: &Arc<Shared>, stream: T, asker: Asker) {
    let io = TokioIo::new(Patient::on_writes(stream, shared.settings.times.write));
    let asker = Arc::new(asker);
    let service = service_fn(|request| {
        let (shared, asker) = (shared.clone(), asker.clone());
        async move { Ok::<_, Infallible>(exchange(&shared, &asker, request).await) }
    });
    let limits = shared.settings.limits;
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.head.try_into().unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .serve_connection(io, service);
    let (mut connection, stopping) = (pin!(connection), shared.told_to_stop());
    tokio::select! {
        biased;
        _ = &mut connection => return,
        () = stopping => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn redirect(shared: &Arc<Shared>, stream: TcpStream, port: u16, challenges: Option<&Challenges>) {
    let io = TokioIo::new(Patient::on_writes(stream, shared.settings.times.write));
    let service = service_fn(|request: Request<Incoming>| async move {
        let found = challenges.map_or(Found::Elsewhere, |all| all.find(request.uri().path()));
        Ok::<_, Infallible>(match found {
            Found::Answer(answer) => page::answer(answer),
            Found::Unknown => Problem::Challenge.page(),
            Found::Elsewhere => elsewhere(&request, port).unwrap_or_else(|| Problem::Host.page()),
        })
    });
    // One answer is all that anybody needs here.
    let _ = http1_builder(shared).keep_alive(false).serve_connection(io, service).await;
}

/// The same place over HTTPS.
fn elsewhere(request: &Request<Incoming>, port: u16) -> Option<Response<Outgoing>> {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority =
        request.uri().authority().map(|it| it.as_str()).or(header)?.parse::<hyper::http::uri::Authority>().ok()?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let to = HeaderValue::try_from(format!("https://{}{port}{path}", authority.host())).ok()?;
    let status = match *request.method() {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        // The method stays as it is.
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    Some(page::moved(status, to))
}
