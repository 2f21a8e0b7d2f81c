//! Small answers of our own, for when the application's cannot be had.

use crate::body::Outgoing;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
};
use std::time::Duration;

/// The header that tells whose answer it is, and why.
const REASON: HeaderName = HeaderName::from_static("mainstay-reason");

/// Why the application's answer cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("too many requests wait for the application already")]
    Full(Duration),
    #[error("the application was not there in time")]
    NotThere(Duration),
    #[error("the application cannot be connected to")]
    Unconnected,
    #[error("the application accepts no connection in time")]
    ConnectLate,
    #[error("the application closed the connection before it answered")]
    Closed,
    #[error("the application does not answer in time")]
    Silent,
    #[error("the application answers with what is no HTTP")]
    Garbled,
    #[error("the body of the request did not arrive in time")]
    UploadLate,
    #[error("the body of the request cannot be read")]
    Upload,
    #[error("there is nothing here")]
    Blocked,
    #[error("no authority was promised anything here")]
    Challenge,
    #[error("the request names no host, or several")]
    Host,
    #[error("the request says twice how long it is")]
    TwoLengths,
    #[error("this is no proxy for other hosts")]
    Method,
}

impl Problem {
    /// Its name for machines.
    fn reason(self) -> &'static str {
        match self {
            Self::Full(_) => "hold-full",
            Self::NotThere(_) => "hold-over",
            Self::Unconnected => "unconnected",
            Self::ConnectLate => "connect-timeout",
            Self::Closed => "closed",
            Self::Silent => "timeout",
            Self::Garbled => "garbled",
            Self::UploadLate => "body-timeout",
            Self::Upload => "body",
            Self::Blocked => "blocked",
            Self::Challenge => "challenge",
            Self::Host => "host",
            Self::TwoLengths => "two-lengths",
            Self::Method => "method",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Full(_) | Self::NotThere(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unconnected | Self::Closed | Self::Garbled => StatusCode::BAD_GATEWAY,
            Self::ConnectLate | Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::UploadLate => StatusCode::REQUEST_TIMEOUT,
            Self::Upload | Self::Host | Self::TwoLengths => StatusCode::BAD_REQUEST,
            Self::Blocked | Self::Challenge => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// Is it the application's fault?
    pub(crate) fn is_failure(self) -> bool {
        self.status().is_server_error()
    }

    /// The page.
    pub(crate) fn page(self) -> Response<Outgoing> {
        let mut response = plain(self.status(), &self.to_string());
        let headers = response.headers_mut();
        headers.insert(REASON, HeaderValue::from_static(self.reason()));
        if let Self::Full(after) | Self::NotThere(after) = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        // What follows on the connection is not to be trusted, or not to be waited for.
        if matches!(self, Self::TwoLengths | Self::Upload | Self::UploadLate | Self::Host | Self::Method) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Sends whoever asks to another place.
pub(crate) fn moved(status: StatusCode, to: HeaderValue) -> Response<Outgoing> {
    let mut response = plain(status, "this is served over HTTPS alone");
    response.headers_mut().insert(LOCATION, to);
    response
}

/// The answer to a challenge.
pub(crate) fn answer(text: String) -> Response<Outgoing> {
    let mut response = plain(StatusCode::OK, "");
    *response.body_mut() = Outgoing::page(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Outgoing> {
    let title = status.canonical_reason().unwrap_or_default();
    let body = format!("{} {title}: {text}\n", status.as_u16());
    let mut response = Response::new(Outgoing::page(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
