//! A large object from a file, in parts.

use super::{Bucket, PATIENCE};
use crate::{
    ObjectError,
    sign::hash,
    wire::{Ask, refused_late},
    xml,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::{Method, body::Bytes};
use jiff::Timestamp;
use retry::retry;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::task::spawn_blocking;

/// Up to here a file goes whole: as large as it may be in memory.
const PART: u64 = 8 << 20;
/// S3 takes no more.
const MOST_PARTS: u64 = 10_000;
/// At once: three parts are in memory.
const AT_ONCE: usize = 3;
/// An upload that was begun is lost when the server forgets it; then all begins anew, so often.
const TRIES: u32 = 3;

impl Bucket {
    /// Writes the file of `bytes` bytes at `path` as an object. Of one that fails nothing is left.
    ///
    /// # Errors
    /// It is not there, or what was there before is.
    pub async fn send(&self, key: &str, path: &Path, bytes: u64) -> Result<(), ObjectError> {
        if bytes <= PART {
            let (body, _) = part(path.to_owned(), 0, bytes).await?;
            return self.put(key, body).await;
        }
        let mut tried = 1;
        loop {
            match self.in_parts(key, path, bytes).await {
                Err(error) if error.is_code("NoSuchUpload") && tried < TRIES => tried += 1,
                sent => return sent,
            }
        }
    }

    async fn in_parts(&self, key: &str, path: &Path, bytes: u64) -> Result<(), ObjectError> {
        let name = self.name(key);
        let text = self.text(&Ask { query: &[("uploads", "")], ..Ask::new(Method::POST, &name) }).await?;
        let id = xml::first(&text, "UploadId")
            .ok_or_else(|| ObjectError::Garbled("the answer names no upload".to_owned()))?;
        let sent = async {
            let tags = self.parts(&name, &id, path, bytes).await?;
            self.complete(&name, &id, &tags).await
        };
        let sent = sent.await;
        if sent.is_err() {
            // What is left is swept a day later, should this fail too.
            let _ = self.abort(&name, &id).await;
        }
        sent
    }

    /// Answers with the tags of the parts, in order.
    async fn parts(&self, name: &str, id: &str, path: &Path, bytes: u64) -> Result<Vec<String>, ObjectError> {
        let size = size_of_parts(bytes);
        let numbers = 0..bytes.div_ceil(size);
        // Large parts one at a time, for the sake of memory.
        let at_once = if size > PART { 1 } else { AT_ONCE };
        stream::iter(numbers)
            .map(|number| async move {
                let (body, hash) = part(path.to_owned(), number * size, size.min(bytes - number * size)).await?;
                self.part(name, id, number + 1, body, &hash).await
            })
            .buffered(at_once)
            .try_collect()
            .await
    }

    async fn part(&self, name: &str, id: &str, number: u64, body: Bytes, hash: &str) -> Result<String, ObjectError> {
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", id)];
        let it = Ask { query: &query, body, hash: Some(hash), ..Ask::new(Method::PUT, name) };
        let attempt = |_| async {
            let answer = self.once(&it).await?;
            let tag = answer.header("etag");
            answer.text().await?;
            tag.ok_or_else(|| ObjectError::Garbled("a part was answered without its tag".to_owned()))
        };
        Ok(retry(&PATIENCE, attempt, |_| {}).await?)
    }

    async fn complete(&self, name: &str, id: &str, tags: &[String]) -> Result<(), ObjectError> {
        let parts = tags.iter().zip(1..).map(|(tag, number)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>", xml::escaped(tag))
        });
        let text = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>());
        let it = Ask { query: &[("uploadId", id)], body: Bytes::from(text), ..Ask::new(Method::POST, name) };
        let attempt = |_| async {
            let text = self.once(&it).await?.text().await?;
            refused_late(&text).map_or(Ok(()), Err)
        };
        Ok(retry(&PATIENCE, attempt, |_| {}).await?)
    }

    async fn abort(&self, name: &str, id: &str) -> Result<(), ObjectError> {
        match self.text(&Ask { query: &[("uploadId", id)], ..Ask::new(Method::DELETE, name) }).await {
            Err(error) if error.is_gone() => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Takes back uploads of objects whose names begin with `beginning` that were begun longer ago than `age` and never ended: they
    /// cost room that no listing shows. Answers with their number.
    ///
    /// # Errors
    /// They cannot be listed, or one cannot be taken back. Some servers do not know the question.
    pub async fn abort_unfinished(&self, beginning: &str, age: Duration) -> Result<usize, ObjectError> {
        let prefix = self.name(beginning);
        let query = [("uploads", ""), ("prefix", prefix.as_str())];
        let text = self.text(&Ask { query: &query, ..Ask::new(Method::GET, "") }).await?;
        let before = self.now() - age;
        let mut number = 0;
        for upload in xml::all(&text, "Upload") {
            let begun = xml::first(upload, "Initiated").and_then(|text| text.parse::<Timestamp>().ok());
            let (Some(name), Some(id)) = (xml::first(upload, "Key"), xml::first(upload, "UploadId")) else { continue };
            if begun.is_some_and(|begun| begun < before) && name.starts_with(&prefix) {
                self.abort(&name, &id).await?;
                number += 1;
            }
        }
        Ok(number)
    }
}

fn size_of_parts(bytes: u64) -> u64 {
    PART.max(bytes.div_ceil(MOST_PARTS).next_multiple_of(1 << 20))
}

/// A part of the file, and its SHA-256.
async fn part(path: PathBuf, from: u64, length: u64) -> Result<(Bytes, String), ObjectError> {
    let read = move || -> io::Result<_> {
        let mut file: File = host::fs::open(&path)?;
        file.seek(SeekFrom::Start(from))?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        let hash = hash(&bytes);
        Ok((Bytes::from(bytes), hash))
    };
    let read = spawn_blocking(read).await.map_err(|error| ObjectError::File(io::Error::other(error)))?;
    read.map_err(ObjectError::File)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: no file has more parts than S3 takes, and a terabyte still goes.
    #[test]
    fn parts_are_large_enough() {
        for bytes in [PART + 1, 80 << 30, 1 << 40, 5 << 40] {
            let size = size_of_parts(bytes);
            assert!(
                bytes.div_ceil(size) <= MOST_PARTS && size >= PART && size.is_multiple_of(1 << 20),
                "{bytes}: {size}"
            );
        }
        assert_eq!(size_of_parts(1 << 30), PART);
    }
}
