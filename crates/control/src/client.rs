//! Asks a running mainstay.

use crate::{
    PROTOCOL, Refusal, VERSION,
    ask::Ask,
    protocol::{PROTOCOL_HEADER, VERSION_HEADER},
    stream::Pieces,
};
use host::net::{connect_unix, nobody_listens};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use report::Finding;
use serde::de::DeserializeOwned;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// The most bytes of an answer.
const LONGEST_ANSWER: usize = 32 << 20;

/// Asks the mainstay behind a socket.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// What was said.
    pub body: T,
    /// The version of the mainstay that said it.
    pub version: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no mainstay runs here")]
    NotRunning,
    /// We may not ask.
    #[error("the socket is not open to us")]
    Denied,
    /// It was asked, and refused.
    #[error("refused")]
    Refused(Refusal),
    /// It speaks another protocol.
    #[error("the running mainstay and this one do not understand each other")]
    Versions {
        /// What it said of itself.
        theirs: String,
        /// Which protocol it speaks, as it said.
        protocol: String,
    },
    /// No answer in time.
    #[error("the running mainstay does not answer within {}", report::seconds(*.0))]
    Late(Duration),
    /// The connection failed.
    #[error("the running mainstay cannot be asked: {0}")]
    Io(#[from] io::Error),
    /// HTTP failed.
    #[error("the running mainstay cannot be asked: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is none.
    #[error("the answer cannot be understood: {0}")]
    Garbled(String),
}

impl Client {
    /// Asks the mainstay that listens at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it asks.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks, and waits `limit` for the answer.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask<T: DeserializeOwned>(&self, ask: &Ask, limit: Duration) -> Result<Answer<T>, AskError> {
        let exchange = self.exchange(ask, understood);
        timeout(limit, exchange).await.map_err(|_| AskError::Late(limit))?
    }

    /// Asks what is answered piece by piece, and hands each piece to `hear` as it comes, until there are no more or `hear`
    /// says false.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn follow<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        mut hear: impl FnMut(Answer<T>) -> bool,
    ) -> Result<(), AskError> {
        self.exchange(ask, async |response| {
            let (version, mut body) = opened(response).await?;
            let mut pieces = Pieces::default();
            while let Some(frame) = body.frame().await {
                let frame = frame?;
                if !pieces.feed(frame.data_ref().map_or(&[][..], |data| data)) {
                    return Err(AskError::Garbled("a piece of it has no end".to_owned()));
                }
                while let Some(piece) = pieces.next() {
                    if !hear(Answer { body: json(&piece)?, version: version.clone() }) {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
        .await
    }

    async fn exchange<A>(
        &self,
        ask: &Ask,
        hear: impl AsyncFnOnce(Response<Incoming>) -> Result<A, AskError>,
    ) -> Result<A, AskError> {
        let stream = connect_unix(&self.path).map_err(unconnected)?;
        stream.set_nonblocking(true)?;
        let stream = TokioIo::new(tokio::net::UnixStream::from_std(stream)?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let talk = async {
            let response = sender.send_request(request(ask)?).await?;
            hear(response).await
        };
        tokio::select! {
            biased;
            answer = talk => answer,
            Err(error) = connection => Err(error.into()),
        }
    }
}

pub(crate) fn unconnected(error: io::Error) -> AskError {
    match error.kind() {
        _ if nobody_listens(&error) => AskError::NotRunning,
        io::ErrorKind::PermissionDenied => AskError::Denied,
        _ => AskError::Io(error),
    }
}

pub(crate) fn request(ask: &Ask) -> Result<Request<Full<Bytes>>, AskError> {
    let body = match ask {
        // Numbers and names are always text that JSON can hold.
        Ask::Do(_, order) => serde_json::to_string(order).unwrap_or_default(),
        Ask::Reexec(asked) => serde_json::to_string(asked).unwrap_or_default(),
        Ask::Ran(_, run) => serde_json::to_string(run).unwrap_or_default(),
        Ask::Candidate(asked) | Ask::Promote(asked) => serde_json::to_string(asked).unwrap_or_default(),
        _ => String::new(),
    };
    Request::builder()
        .method(ask.method())
        .uri(ask.path())
        .header("host", "mainstay")
        .header(PROTOCOL_HEADER, PROTOCOL)
        .header(VERSION_HEADER, VERSION)
        .body(Full::new(body.into()))
        .map_err(|error| AskError::Garbled(error.to_string()))
}

async fn understood<T: DeserializeOwned>(response: Response<Incoming>) -> Result<Answer<T>, AskError> {
    let (version, body) = opened(response).await?;
    Ok(Answer { body: json(&collected(body).await?)?, version })
}

/// The version of who answers, and the answer itself when it is no refusal.
pub(crate) async fn opened(response: Response<Incoming>) -> Result<(String, Incoming), AskError> {
    let said =
        |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("unknown").to_owned();
    let (protocol, version) = (said(PROTOCOL_HEADER), said(VERSION_HEADER));
    if protocol != PROTOCOL.to_string() {
        return Err(AskError::Versions { theirs: version, protocol });
    }
    let good = response.status().is_success();
    match good {
        true => Ok((version, response.into_body())),
        false => Err(AskError::Refused(json(&collected(response.into_body()).await?)?)),
    }
}

async fn collected(body: Incoming) -> Result<Bytes, AskError> {
    let body = Limited::new(body, LONGEST_ANSWER).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| AskError::Garbled(error.to_string()))
}

pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AskError> {
    serde_json::from_slice(body).map_err(|error| AskError::Garbled(error.to_string()))
}

impl AskError {
    /// The same for people. `app` is how they call what they asked for.
    pub fn findings(&self, app: &str, path: &Path) -> Vec<Finding> {
        let finding = Finding::error(self.to_string());
        vec![match self {
            AskError::Refused(refusal) => return refusal.findings(),
            AskError::NotRunning => Finding::error(format!("`{app}` is not running"))
                .seen(format!("nobody listens at `{}`", path.display()))
                .hint("`mainstay up -d` starts it"),
            AskError::Denied => finding
                .seen(format!("`{}`: permission denied", path.display()))
                .hint("ask as the user who runs it, or as root"),
            AskError::Versions { theirs, protocol } => finding
                .seen(format!("the running one is {theirs} and speaks protocol {protocol}"))
                .seen(format!("this one is {VERSION} and speaks protocol {PROTOCOL}"))
                .hint("use the same version for both: end the running one by SIGTERM, then `mainstay up` with the new one"),
            AskError::Late(_) | AskError::Io(_) | AskError::Http(_) | AskError::Garbled(_) => {
                finding.seen(format!("it listens at `{}`", path.display()))
            }
        }]
    }
}
