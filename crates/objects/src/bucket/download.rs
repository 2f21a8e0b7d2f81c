//! A large object, piece by piece.

use super::{Bucket, PATIENCE};
use crate::{ObjectError, wire::Ask};
use hyper::{Method, body::Bytes};
use retry::{Classify, Transience};
use std::io;
use tokio::time::sleep;

impl Bucket {
    /// Gives all bytes of the object to `sink`, in order, and answers with their number; goes on where a connection broke. What they
    /// are is for the caller to check.
    ///
    /// # Errors
    /// Not all came, or `sink` failed.
    pub async fn fetch(
        &self,
        key: &str,
        mut sink: impl AsyncFnMut(Bytes) -> io::Result<()>,
    ) -> Result<u64, ObjectError> {
        let (mut at, mut tried, mut waits) = (0, 0, PATIENCE.backoff.waits());
        loop {
            let before = at;
            let error = match self.from(key, &mut at, &mut sink).await {
                Ok(()) => return Ok(at),
                Err(error) => error,
            };
            // Whoever comes further is not stuck.
            tried = if at > before { 1 } else { tried + 1 };
            if error.transience() != Transience::Transient || PATIENCE.is_last(tried) {
                return Err(error);
            }
            sleep(waits.next_wait()).await;
        }
    }

    async fn from(
        &self,
        key: &str,
        at: &mut u64,
        sink: &mut impl AsyncFnMut(Bytes) -> io::Result<()>,
    ) -> Result<(), ObjectError> {
        let name = self.name(key);
        let range = [("range", format!("bytes={at}-"))];
        let headers = if *at > 0 { &range[..] } else { &[] };
        let mut answer = match self.once(&Ask { headers, ..Ask::new(Method::GET, &name) }).await {
            // All had come when the connection broke.
            Err(ObjectError::Said { status: 416, .. }) if *at > 0 => return Ok(()),
            answer => answer?,
        };
        if *at > 0 && answer.header("content-range").is_none() {
            return Err(ObjectError::Garbled("the server does not give the rest of an object".to_owned()));
        }
        while let Some(piece) = answer.piece().await? {
            let length = piece.len() as u64;
            sink(piece).await.map_err(ObjectError::File)?;
            *at += length;
        }
        answer.keep();
        Ok(())
    }
}
