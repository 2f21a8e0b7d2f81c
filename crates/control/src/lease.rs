//! A candidate, for as long as somebody holds on to it.

use crate::{
    Answer, AskError, Candidate, CandidateTold, Client, Discarded, Generation, Promoted,
    ask::Ask,
    client::{json, opened, request, unconnected},
    stream::Pieces,
};
use host::net::connect_unix;
use http_body_util::BodyExt;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{task::AbortHandle, time::timeout};

/// A release that runs beside the one that serves. Dropped before [`Client::promote`], as with a process that is killed, it is stopped.
pub struct Lease {
    /// How it stands with it.
    pub candidate: Candidate,
    /// The version of the mainstay that runs it.
    pub version: String,
    body: Incoming,
    /// Only for as long as it is asked anything is a connection held.
    _sender: http1::SendRequest<http_body_util::Full<hyper::body::Bytes>>,
    connection: AbortHandle,
}

impl Client {
    /// Has `asked` started beside the release that serves, and waits until that is ready or will not be; each piece is handed to `hear`
    /// as it comes. Whether it is ready stands in the answer.
    ///
    /// # Errors
    /// See [`AskError`]; [`AskError::Late`] when it takes longer than `limit`, and then nothing of it is left.
    pub async fn candidate(
        &self,
        asked: &Generation,
        limit: Duration,
        hear: impl FnMut(&CandidateTold),
    ) -> Result<Lease, AskError> {
        let begun = self.begin_candidate(asked, hear);
        timeout(limit, begun).await.map_err(|_| AskError::Late(limit))?
    }

    async fn begin_candidate(
        &self,
        asked: &Generation,
        mut hear: impl FnMut(&CandidateTold),
    ) -> Result<Lease, AskError> {
        let stream = connect_unix(self.path()).map_err(unconnected)?;
        stream.set_nonblocking(true)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(tokio::net::UnixStream::from_std(stream)?)).await?;
        let connection = Held(tokio::spawn(async move { drop(connection.await) }).abort_handle());
        let response = sender.send_request(request(&Ask::Candidate(asked.clone()))?).await?;
        let (version, mut body) = opened(response).await?;
        let mut pieces = Pieces::default();
        while let Some(frame) = body.frame().await {
            if !pieces.feed(frame?.data_ref().map_or(&[][..], |data| data)) {
                return Err(AskError::Garbled("a piece of it has no end".to_owned()));
            }
            while let Some(piece) = pieces.next() {
                let told: CandidateTold = json(&piece)?;
                hear(&told);
                if let Some(candidate) = told.candidate {
                    let connection = connection.kept();
                    return Ok(Lease { candidate, version, body, _sender: sender, connection });
                }
            }
        }
        Err(AskError::Garbled("it ended before anything was known of the candidate".to_owned()))
    }

    /// Has the candidate take the place of the release that serves; answers when that is done and the one before is gone.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn promote(&self, asked: &Generation, limit: Duration) -> Result<Answer<Promoted>, AskError> {
        self.ask(&Ask::Promote(asked.clone()), limit).await
    }

    /// Has the candidate stopped; answers when it is gone.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn discard(&self, limit: Duration) -> Result<Answer<Discarded>, AskError> {
        self.ask(&Ask::Discard, limit).await
    }
}

impl Lease {
    /// Resolves when the candidate is gone without having been dropped here: it was promoted or discarded, or mainstay has ended.
    pub async fn over(&mut self) {
        while let Some(Ok(_)) = self.body.frame().await {}
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A connection that is closed unless it is kept.
struct Held(AbortHandle);

impl Held {
    fn kept(self) -> AbortHandle {
        let handle = self.0.clone();
        std::mem::forget(self);
        handle
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}
