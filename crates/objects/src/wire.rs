//! One signed request and its answer. Connections are kept for the next one.

use crate::{
    ObjectError,
    pieces::{Motion, Pieces},
    sign::{Signing, encoded, hash, signed},
    xml,
};
use config::S3;
use database::{Patience, Refusal, ServerState, socket, tls};
use http_body_util::BodyExt;
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    header::HOST,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use retry::Deadline;
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};

/// A listing of a thousand names is a third of this.
const LARGEST_ANSWER: usize = 8 << 20;
const AGENT: &str = concat!("mainstay/", env!("CARGO_PKG_VERSION"));

/// What is asked.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Of an object; empty for the bucket.
    pub(crate) key: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: Bytes,
    /// SHA-256 of the body, where it is known already.
    pub(crate) hash: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, key: &'a str) -> Self {
        Self { method, key, query: &[], headers: &[], body: Bytes::new(), hash: None }
    }
}

/// Connections that nobody uses just now.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<SendRequest<Pieces>>>);

impl Idle {
    /// One that the server has not closed.
    async fn take(&self) -> Option<SendRequest<Pieces>> {
        loop {
            let mut sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    fn put(&self, sender: SendRequest<Pieces>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }
}

/// A good answer, of which the body is still to come.
pub(crate) struct Answer<'a> {
    response: Response<Incoming>,
    sender: SendRequest<Pieces>,
    idle: &'a Idle,
    s3: &'a S3,
    motion: Motion,
}

/// Asks once. An answer other than 2xx is an error.
pub(crate) async fn ask<'a>(
    s3: &'a S3,
    idle: &'a Idle,
    now: Timestamp,
    ask: &Ask<'_>,
) -> Result<Answer<'a>, ObjectError> {
    let motion = Motion::now();
    let request = request(s3, now, ask, &motion)?;
    let mut sender = match idle.take().await {
        Some(sender) => sender,
        None => connect(s3).await?,
    };
    let response = tokio::select! {
        response = sender.send_request(request) => response.map_err(|error| cut(s3, &error))?,
        () = motion.stalled(s3.timeout) => return Err(silent(s3)),
    };
    motion.moved();
    let answer = Answer { response, sender, idle, s3, motion };
    match answer.response.status().is_success() {
        true => Ok(answer),
        false => Err(answer.refused(ask).await),
    }
}

/// The host that is asked: its name bears that of the bucket, or its path does.
fn place(s3: &S3) -> (String, String) {
    let endpoint = &s3.endpoint;
    match endpoint.path_style {
        true => (endpoint.host.clone(), format!("/{}", s3.bucket)),
        false => (format!("{}.{}", s3.bucket, endpoint.host), String::new()),
    }
}

fn request(s3: &S3, now: Timestamp, ask: &Ask<'_>, motion: &Motion) -> Result<Request<Pieces>, ObjectError> {
    let missing = || ObjectError::NoCredentials { place: s3.to_string() };
    let credentials = s3.credentials.as_ref().ok_or_else(missing)?;
    let (name, bucket) = place(s3);
    let host = config::Endpoint { host: name, ..s3.endpoint.clone() }.to_string();
    let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
    let path = format!("{bucket}/{}", encoded(ask.key, false));
    let mut pairs: Vec<_> =
        ask.query.iter().map(|(name, value)| format!("{}={}", encoded(name, true), encoded(value, true))).collect();
    pairs.sort();
    let query = pairs.join("&");
    let own_hash;
    let payload = match ask.hash {
        Some(hash) => hash,
        None => {
            own_hash = hash(&ask.body);
            &own_hash
        }
    };
    let signing = Signing { method: ask.method.as_str(), path: &path, query: &query, host, payload, more: ask.headers };
    let uri = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
    let mut request = Request::builder().method(&ask.method).uri(uri).header(HOST, host).header("user-agent", AGENT);
    for (name, value) in signed(&signing, credentials, &s3.region, now) {
        request = request.header(name, value);
    }
    let body = Pieces::of(ask.body.clone(), motion.clone());
    // Only a key or a token with characters that no header takes.
    request.body(body).map_err(|error| ObjectError::Garbled(format!("the request cannot be written: {error}")))
}

async fn connect(s3: &S3) -> Result<SendRequest<Pieces>, ObjectError> {
    let deadline = Deadline::after(s3.timeout);
    let unreachable = |refusal| ObjectError::Unreachable { refusal: Box::new(refusal) };
    let (host, _) = place(s3);
    let at = format!("{host}:{}", s3.endpoint.port);
    let connected = async {
        let stream = socket::open_tcp(&host, s3.endpoint.port, &deadline).await.map_err(unreachable)?;
        match s3.endpoint.tls {
            true => shake(tls::connect(stream, &host, &at).await.map_err(unreachable)?, s3).await,
            false => shake(stream, s3).await,
        }
    };
    socket::within(&deadline, &at, connected).await.map_err(unreachable)?
}

async fn shake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    s3: &S3,
) -> Result<SendRequest<Pieces>, ObjectError> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| cut(s3, &error))?;
    // Whoever waits for an answer is told how it ended.
    tokio::spawn(connection);
    Ok(sender)
}

impl Answer<'_> {
    /// A header that is text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)?.to_str().ok().map(str::to_owned)
    }

    /// The next piece of the body; nothing at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, ObjectError> {
        loop {
            let frame = tokio::select! {
                frame = self.response.body_mut().frame() => frame,
                () = self.motion.stalled(self.s3.timeout) => return Err(silent(self.s3)),
            };
            self.motion.moved();
            match frame.transpose().map_err(|error| cut(self.s3, &error))? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All of the body, at most `limit` bytes; the connection is kept.
    pub(crate) async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, ObjectError> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            if all.len() + piece.len() > limit {
                return Err(ObjectError::TooLarge(limit));
            }
            all.extend_from_slice(&piece);
        }
        self.keep();
        Ok(all)
    }

    /// The same as text.
    pub(crate) async fn text(self) -> Result<String, ObjectError> {
        Ok(String::from_utf8_lossy(&self.bytes(LARGEST_ANSWER).await?).into_owned())
    }

    /// For the next request. Only what was read to its end can be used again.
    pub(crate) fn keep(self) {
        self.idle.put(self.sender);
    }

    async fn refused(self, ask: &Ask<'_>) -> ObjectError {
        let status = self.response.status().as_u16();
        let region = self.header("x-amz-bucket-region");
        // A HEAD has none, and a server that is sick may break off.
        let text = if ask.method == Method::HEAD { String::new() } else { self.text().await.unwrap_or_default() };
        ObjectError::Said {
            status,
            code: xml::first(&text, "Code").unwrap_or_default(),
            message: xml::first(&text, "Message").unwrap_or_default(),
            region: region.or_else(|| xml::first(&text, "Region")),
        }
    }
}

/// A server may say no with a good status (`CompleteMultipartUpload`).
pub(crate) fn refused_late(text: &str) -> Option<ObjectError> {
    xml::all(text, "Error").first().map(|error| ObjectError::Said {
        status: 200,
        code: xml::first(error, "Code").unwrap_or_default(),
        message: xml::first(error, "Message").unwrap_or_default(),
        region: None,
    })
}

fn silent(s3: &S3) -> ObjectError {
    broken(format!("no answer from {} for {}", s3.endpoint, report::seconds(s3.timeout)))
}

fn cut(s3: &S3, error: &hyper::Error) -> ObjectError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    broken(format!("the connection to {} broke: {error}{cause}", s3.endpoint))
}

fn broken(message: String) -> ObjectError {
    let refusal = Refusal {
        state: ServerState::Unreachable,
        patience: Patience::Deadline,
        code: None,
        message,
        detail: None,
        hint: None,
    };
    ObjectError::Unreachable { refusal: Box::new(refusal) }
}
