//! Talks to the authority: one connection for each question, within a time and up to a length.

use database::{socket, tls};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, Uri,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER},
    http::uri::PathAndQuery,
};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use jiff::SignedDuration;
use retry::Deadline;
use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// A question takes no longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A chain of certificates is less than a tenth of this.
const LARGEST_ANSWER: usize = 256 * 1024;

/// A client of an authority.
#[derive(Clone, Default)]
pub(super) struct Client {
    /// What its server is trusted by; nothing for what this system trusts.
    root: Option<PathBuf>,
    sent_away: Arc<Mutex<Option<SignedDuration>>>,
}

impl Client {
    pub(super) fn new(root: Option<PathBuf>) -> Self {
        Self { root, sent_away: Arc::default() }
    }

    /// For how long the last refusal wanted to hear nothing more.
    pub(super) fn sent_away(&self) -> Option<SignedDuration> {
        *self.sent_away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let (host, port, path) = place(&parts.uri).ok_or_else(|| other(format!("`{}` is no https URL", parts.uri)))?;
        let at = format!("{host}:{port}");
        let named = if port == 443 { host.clone() } else { at.clone() };
        parts.headers.insert(HOST, HeaderValue::try_from(named).map_err(|error| other(error.to_string()))?);
        parts.uri = Uri::from(path);
        let asked = Request::from_parts(parts, Full::new(body));
        let response = timeout(PATIENCE, self.exchange(&host, port, &at, asked)).await;
        let response =
            response.map_err(|_| other(format!("{at} gave no answer within {}", report::seconds(PATIENCE))))??;
        let refused = response.status().is_client_error() || response.status().is_server_error();
        *self.sent_away.lock().unwrap_or_else(PoisonError::into_inner) = retry_after(&response).filter(|_| refused);
        match refused && !is_json(&response) {
            true => Err(other(format!("{at} answered {}", response.status()))),
            false => Ok(BytesResponse::from(response)),
        }
    }

    async fn exchange(
        &self,
        host: &str,
        port: u16,
        at: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, Error> {
        let refused = |refusal: database::Refusal| other(refusal.to_string());
        let stream = socket::open_tcp(host, port, &Deadline::after(PATIENCE)).await.map_err(refused)?;
        let stream = tls::connect_trusting(stream, host, at, self.root.as_deref()).await.map_err(refused)?;
        let broken = |error: hyper::Error| other(format!("{at} cannot be talked to: {error}"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let talk = async {
            let (parts, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let body = Limited::new(body, LARGEST_ANSWER).collect().await;
            let body = body.map_err(|error| other(format!("the answer of {at} cannot be read: {error}")))?;
            Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
        };
        tokio::select! {
            biased;
            answer = talk => answer,
            ended = connection => Err(match ended {
                Err(error) => broken(error),
                Ok(()) => other(format!("{at} closed the connection before it answered")),
            }),
        }
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

/// Host, port and the rest of a URL that begins with `https://`.
fn place(uri: &Uri) -> Option<(String, u16, PathAndQuery)> {
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https"))?;
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    Some((host.trim_matches(['[', ']']).to_owned(), uri.port_u16().unwrap_or(443), path))
}

/// Refusals of authorities are; those of whatever stands before them are not.
fn is_json(response: &Response<Full<Bytes>>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/problem+json") || kind.starts_with("application/json"))
}

/// Seconds or a date (RFC 9110, 10.2.3); a date is told apart by the authority's own clock, so that ours need not be right.
fn retry_after(response: &Response<Full<Bytes>>) -> Option<SignedDuration> {
    let text = |name: &str| response.headers().get(name)?.to_str().ok();
    let after = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = after.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    Some(date(after)?.duration_since(date(text("date")?)?))
}

fn other(text: String) -> Error {
    Error::Other(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.9: an authority that sends us away is heeded, however it says so.
    #[test]
    fn whoever_is_sent_away_knows_for_how_long() {
        let of = |after: &str| {
            let date = "Mon, 30 Nov 2026 03:00:00 GMT";
            let response = Response::builder().header("retry-after", after).header("date", date);
            retry_after(&response.body(Full::new(Bytes::new())).unwrap()).map(|it| it.as_secs())
        };
        assert_eq!(of("120"), Some(120));
        assert_eq!(of("Mon, 30 Nov 2026 04:00:00 GMT"), Some(3600));
        assert_eq!(of("soon"), None);
    }
}
