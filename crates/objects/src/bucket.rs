//! What is done with a bucket.

mod download;
mod upload;

use crate::{
    ObjectError,
    wire::{Answer, Ask, Idle, ask},
    xml,
};
use config::S3;
use host::Clock;
use hyper::{Method, body::Bytes};
use jiff::Timestamp;
use retry::{Backoff, Policy, retry};
use std::{sync::Arc, time::Duration};

/// What heals is tried again for some seconds; a job is tried again later as a whole.
const PATIENCE: Policy = Policy {
    backoff: Backoff::doubling(Duration::from_millis(200), Duration::from_secs(5)).with_jitter(0.3),
    attempts: Some(6),
    limit: None,
};

/// A bucket. Names of objects are what follows the prefix.
pub struct Bucket {
    s3: S3,
    clock: Arc<dyn Clock>,
    idle: Idle,
}

/// An object, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name, below the prefix.
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// Changes with what is in it.
    pub tag: String,
    /// When it was written, by the server's clock.
    pub modified: Option<Timestamp>,
}

impl Bucket {
    /// The bucket that is configured; nothing is asked yet.
    pub fn new(s3: S3, clock: Arc<dyn Clock>) -> Self {
        Self { s3, clock, idle: Idle::default() }
    }

    /// How it is configured.
    pub fn settings(&self) -> &S3 {
        &self.s3
    }

    /// Below the prefix.
    fn name(&self, key: &str) -> String {
        match self.s3.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    async fn once(&self, it: &Ask<'_>) -> Result<Answer<'_>, ObjectError> {
        ask(&self.s3, &self.idle, self.now(), it).await
    }

    /// Asks until it works, cannot work, or patience is over; the body of the answer as text.
    async fn text(&self, it: &Ask<'_>) -> Result<String, ObjectError> {
        let attempt = |_| async { self.once(it).await?.text().await };
        Ok(retry(&PATIENCE, attempt, |_| {}).await?)
    }

    /// Writes a small object whole.
    ///
    /// # Errors
    /// It is not there, or what was there before is.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<(), ObjectError> {
        let name = self.name(key);
        self.text(&Ask { body, ..Ask::new(Method::PUT, &name) }).await.map(drop)
    }

    /// A small object whole, of at most `limit` bytes; nothing where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn get(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>, ObjectError> {
        let name = self.name(key);
        let it = Ask::new(Method::GET, &name);
        let attempt = |_| async { self.once(&it).await?.bytes(limit).await };
        match retry(&PATIENCE, attempt, |_| {}).await.map_err(ObjectError::from) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object; one that is not there is removed already. Each by itself: not every server can do several at once.
    ///
    /// # Errors
    /// It is still there.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let name = self.name(key);
        match self.text(&Ask::new(Method::DELETE, &name)).await {
            Err(error) if error.is_gone() => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// All objects whose names begin with `beginning`, in the server's order.
    ///
    /// # Errors
    /// They cannot all be listed.
    pub async fn list(&self, beginning: &str) -> Result<Vec<Object>, ObjectError> {
        let prefix = self.name(beginning);
        let (mut objects, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("list-type", "2"), ("prefix", prefix.as_str())];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let text = self.text(&Ask { query: &query, ..Ask::new(Method::GET, "") }).await?;
            if !text.contains("<ListBucketResult") {
                return Err(ObjectError::Garbled("the answer is no listing of a bucket".to_owned()));
            }
            objects.extend(xml::all(&text, "Contents").into_iter().filter_map(|it| self.listed(it)));
            let more = xml::first(&text, "IsTruncated").is_some_and(|it| it == "true");
            token = xml::first(&text, "NextContinuationToken").filter(|_| more);
            match (more, &token) {
                (false, _) => return Ok(objects),
                (true, Some(_)) => {}
                (true, None) => return Err(ObjectError::Garbled("a listing broke off".to_owned())),
            }
        }
    }

    fn listed(&self, text: &str) -> Option<Object> {
        let key = xml::first(text, "Key")?;
        let key = match self.s3.prefix.as_str() {
            "" => key,
            prefix => key.strip_prefix(prefix)?.strip_prefix('/')?.to_owned(),
        };
        Some(Object {
            key,
            bytes: xml::first(text, "Size")?.parse().ok()?,
            tag: xml::first(text, "ETag").unwrap_or_default(),
            modified: xml::first(text, "LastModified").and_then(|text| text.parse().ok()),
        })
    }
}
