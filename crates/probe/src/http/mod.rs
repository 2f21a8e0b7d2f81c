//! One HTTP request: `GET`, HTTP/1.1, redirects not followed.

mod url;

use crate::refusals::{never, not_yet};
use database::{Patience, Refusal, ServerState, socket, tls};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use retry::Deadline;
use std::{net::Ipv4Addr, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

/// Longer bodies are cut.
pub const LARGEST_BODY: usize = 64 * 1024;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, at most [`LARGEST_BODY`].
    pub body: Vec<u8>,
}

/// Gets `url` (`http://` or `https://`, verified against the system's roots) in `timeout` altogether.
///
/// # Errors
/// When there was no answer. Whether the answer is a good one is for the caller to say.
pub async fn http_get(url: &str, timeout: Duration) -> Result<Response, Refusal> {
    http_get_from(None, url, timeout).await
}

/// The same, coming from an address of this machine where one is given: that of [`host::net::PREVIEW`] leads to a candidate.
///
/// # Errors
/// Likewise.
pub async fn http_get_from(from: Option<Ipv4Addr>, url: &str, timeout: Duration) -> Result<Response, Refusal> {
    let url = Url::parse(url)?;
    let deadline = Deadline::after(timeout);
    socket::within(&deadline, &url.authority(), get(from, &url, &deadline)).await?
}

/// Gets `url` and asks for `status`, or any 2xx or 3xx.
pub(crate) async fn ready(
    from: Option<Ipv4Addr>,
    url: &str,
    status: Option<u16>,
    deadline: &Deadline,
) -> Result<u16, Refusal> {
    let response = http_get_from(from, url, deadline.remaining().unwrap_or(Duration::MAX)).await?;
    let good = status.map_or((200..400).contains(&response.status), |wanted| response.status == wanted);
    if good { Ok(response.status) } else { Err(bad_status(&response, status)) }
}

async fn get(from: Option<Ipv4Addr>, url: &Url, deadline: &Deadline) -> Result<Response, Refusal> {
    let stream = socket::open_tcp_from(from, &url.host, url.port, deadline).await?;
    match url.tls {
        true => {
            let secured = tls::connect(stream, &url.host, &url.authority()).await.map_err(untrusted)?;
            exchange(secured, url).await
        }
        false => exchange(stream, url).await,
    }
}

/// A page that is being set up may be without its certificate for a moment.
fn untrusted(refusal: Refusal) -> Refusal {
    Refusal { state: ServerState::Unknown, patience: Patience::Tries(3), code: Some(tls::CODE.into()), ..refusal }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, url: &Url) -> Result<Response, Refusal> {
    let garbled = |error: hyper::Error| garbled(&error, url);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(garbled)?;
    let talk = async {
        let response = sender.send_request(request(url)?).await.map_err(garbled)?;
        let status = response.status().as_u16();
        Ok(Response { status, body: beginning(response.into_body()).await })
    };
    tokio::select! {
        response = talk => response,
        // The connection only ends first when it breaks; what it has brought until then, `talk` gets to see.
        Err(error) = connection => Err(garbled(error)),
    }
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, Refusal> {
    Request::get(url.path.as_str())
        .header(header::HOST, url.authority())
        .header(header::USER_AGENT, concat!("mainstay/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| never(ServerState::Unknown, format!("bad URL: {error}"), "check the URL"))
}

async fn beginning(body: Incoming) -> Vec<u8> {
    let mut body = Limited::new(body, LARGEST_BODY);
    let mut kept = Vec::new();
    // A body that ends too early or is too long still leaves its beginning, and the status came before it.
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            kept.extend_from_slice(data);
        }
    }
    kept
}

fn garbled(error: &hyper::Error, url: &Url) -> Refusal {
    let place = url.authority();
    match error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        true => socket::closed(&place),
        false => Refusal {
            patience: Patience::Tries(3),
            hint: Some("does it speak HTTP there, and `https://` where it should?".into()),
            ..not_yet(ServerState::Unknown, format!("{place} gave no proper HTTP answer: {}", words(error)))
        },
    }
}

fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn bad_status(response: &Response, wanted: Option<u16>) -> Refusal {
    let reason = hyper::StatusCode::from_u16(response.status).ok().and_then(|status| status.canonical_reason());
    let message = format!("answered {} {}", response.status, reason.unwrap_or_default());
    let detail = wanted.map(|wanted| format!("wanted {wanted}"));
    Refusal { detail, ..not_yet(ServerState::Starting, message.trim_end()) }
}
