//! Asks a running proxy.

use super::view::{Refused, Switch, View};
use host::net::{connect_unix, nobody_listens};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, body::Bytes, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::{io, path::Path};

/// The most bytes of an answer.
const LONGEST_ANSWER: usize = 4 << 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// How it is.
    Look,
    /// Let requests wait.
    Hold,
    /// Let them go.
    Resume,
    /// Ask the authority for another certificate.
    Renew,
    /// Send them elsewhere.
    Switch(Switch),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no proxy runs here")]
    NotRunning,
    /// We may not ask.
    #[error("the socket is not open to us")]
    Denied,
    /// It was asked, and refused.
    #[error("{}", .0.error)]
    Refused(Refused),
    /// The connection failed.
    #[error("the proxy cannot be asked: {0}")]
    Io(#[from] io::Error),
    /// HTTP failed.
    #[error("the proxy cannot be asked: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is none.
    #[error("the answer cannot be understood: {0}")]
    Garbled(String),
}

/// Asks the proxy whose control socket is at `path`.
///
/// # Errors
/// See [`AskError`].
pub async fn ask(path: &Path, ask: &Ask) -> Result<View, AskError> {
    let stream = connect_unix(path).map_err(unconnected)?;
    stream.set_nonblocking(true)?;
    let stream = TokioIo::new(tokio::net::UnixStream::from_std(stream)?);
    let (mut sender, connection) = http1::handshake(stream).await?;
    let talk = async { understood(sender.send_request(request(ask)?).await?).await };
    tokio::select! {
        biased;
        answer = talk => answer,
        Err(error) = connection => Err(error.into()),
    }
}

fn request(ask: &Ask) -> Result<Request<Full<Bytes>>, AskError> {
    let (method, path, body) = match ask {
        Ask::Look => (Method::GET, "/v1/proxy", String::new()),
        Ask::Hold => (Method::POST, "/v1/proxy/hold", String::new()),
        Ask::Resume => (Method::POST, "/v1/proxy/resume", String::new()),
        Ask::Renew => (Method::POST, "/v1/proxy/renew", String::new()),
        // Numbers and names are always text that JSON can hold.
        Ask::Switch(order) => (Method::POST, "/v1/proxy/switch", serde_json::to_string(order).unwrap_or_default()),
    };
    let request = Request::builder().method(method).uri(path).header("host", "mainstay");
    request.body(Full::new(body.into())).map_err(|error| AskError::Garbled(error.to_string()))
}

async fn understood(response: Response<Incoming>) -> Result<View, AskError> {
    let good = response.status().is_success();
    let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| AskError::Garbled(error.to_string()))?.to_bytes();
    match good {
        true => json(&body),
        false => Err(AskError::Refused(json(&body)?)),
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AskError> {
    serde_json::from_slice(body).map_err(|error| AskError::Garbled(error.to_string()))
}

fn unconnected(error: io::Error) -> AskError {
    match error.kind() {
        _ if nobody_listens(&error) => AskError::NotRunning,
        io::ErrorKind::PermissionDenied => AskError::Denied,
        _ => AskError::Io(error),
    }
}
