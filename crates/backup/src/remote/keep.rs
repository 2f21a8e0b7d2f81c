//! Bringing a copy into a bucket.

use super::{Remote, beginning, wrong};
use crate::{BackupError, Job, Manifest, manifest, seal::Sums, shelf};
use objects::{Bytes, ObjectError};
use report::{Event, bytes, seconds};
use std::path::Path;
use tokio::time::Instant;

impl Remote {
    /// Sends the copy in `path`, reads it again, and only then its manifest, with which it counts. Of one that fails nothing is left.
    pub(crate) async fn keep(&self, job: &Job<'_>, path: &Path, copy: &Manifest) -> Result<(), BackupError> {
        let begun = Instant::now();
        let place = self.bucket.settings();
        let beginning = beginning(job.app, &copy.source.id, copy.id);
        if let Err(error) = self.all(job, path, copy, &beginning).await {
            self.take_back(&beginning, copy).await;
            let doing = format!("the copy `{}` is not stored in `{place}`", copy.id);
            return Err(self.error(doing)(error));
        }
        let (id, size, took) = (copy.id, bytes(copy.bytes()), begun.elapsed());
        let text = format!("backup: `{id}` lies in `{place}` too: {size} sent and read back in {}", seconds(took));
        let event = Event::new("backup.sent", text).with("id", id.to_string()).with("place", place.to_string());
        job.journal.note(event.with("bytes", copy.bytes()).with("took", took));
        Ok(())
    }

    async fn all(&self, job: &Job<'_>, path: &Path, copy: &Manifest, beginning: &str) -> Result<(), ObjectError> {
        for part in &copy.files {
            self.bucket.send(&format!("{beginning}{}", part.name), &path.join(&part.name), part.bytes).await?;
        }
        self.bucket.put(&format!("{beginning}{}", shelf::SUMS), copy.sums().into()).await?;
        job.reach("backup.sent");
        for part in &copy.files {
            let mut sums = Sums::default();
            let key = format!("{beginning}{}", part.name);
            let add = async |piece: Bytes| {
                sums.add(&piece);
                Ok(())
            };
            self.bucket.fetch(&key, add).await?;
            sums.compared(part).map_err(|why| ObjectError::File(wrong(copy.id, why)))?;
        }
        job.reach("backup.sent-and-read");
        let text = copy.text().map_err(ObjectError::File)?;
        let key = format!("{beginning}{}", manifest::NAME);
        self.bucket.put(&key, text.clone().into()).await?;
        match self.bucket.get(&key, text.len()).await? {
            Some(seen) if seen == text.as_bytes() => Ok(()),
            _ => Err(ObjectError::File(wrong(copy.id, format!("`{}` was changed", manifest::NAME)))),
        }
    }

    /// What cannot be removed now has no manifest, and is swept a day later.
    async fn take_back(&self, beginning: &str, copy: &Manifest) {
        let names = [manifest::NAME, shelf::SUMS].into_iter().chain(copy.files.iter().map(|part| part.name.as_str()));
        for name in names {
            if self.bucket.delete(&format!("{beginning}{name}")).await.is_err() {
                break;
            }
        }
    }
}
