//! A restore that goes on while the copy is still being written: it reads the file, as far as that is there.
//!
//! It is only a head start. What was read is compared with what is stored, and where anything is not as it should be there was no
//! such restore, and one is made of the stored copy.

use super::{
    FILE,
    ground::Ground,
    load,
    prove::{NAME, compared, hurry, major, make_roles},
    talk::Talk,
};
use crate::{
    BackupError, Doing, Job, Manifest, Source, Why,
    following::{Followed, Growth},
    manifest::Part,
    proof::{Found, Proven},
    seal,
};
use std::{io, time::Duration};
use tokio::time::Instant;

/// A database that was made of a copy.
pub(crate) struct Ahead {
    ground: Ground,
    fed: Fed,
    took: Duration,
}

/// What it was made of.
struct Fed {
    read: Followed,
    raw_bytes: u64,
}

/// Nothing when it could not be done: why will be found out again, and told.
pub(crate) async fn restore(job: &Job<'_>, source: &Source, why: Why, growth: &Growth) -> Option<Ahead> {
    let encoding = source.traits.get("encoding").map_or("UTF8", String::as_str);
    let ground = Ground::make(job, major(&source.server), encoding, hurry(why)).await.ok()?;
    let begun = Instant::now();
    let fed = tokio::select! {
        fed = on(job, source, &ground, growth) => fed.ok(),
        _ = ground.crowded() => None,
    };
    match fed {
        // What a restore waited for the dump it will not wait for later.
        Some(fed) => Some(Ahead { ground, took: begun.elapsed().saturating_sub(fed.read.waited), fed }),
        None => {
            ground.end().await;
            None
        }
    }
}

async fn on(job: &Job<'_>, source: &Source, ground: &Ground, growth: &Growth) -> Result<Fed, BackupError> {
    let first = Talk::open(job, &ground.dsn).await?;
    make_roles(&first, &source.roles).await?;
    load::create(&first, NAME, source, None).await?;
    let dsn = ground.database(NAME);
    let (growth, keys, name) = (growth.clone(), job.keys.clone(), seal::file_name(FILE, job.keys));
    let progress = job.progress.clone();
    // In one transaction, for a table that is made in it is filled without a log (`wal_level=minimal`).
    let fed = load::pour(job, 0, &dsn, &first, &["--single-transaction"], move |input| {
        let mut file = growth.follow()?;
        let raw_bytes =
            io::copy(&mut seal::content(&mut file, &name, &keys)?, &mut progress.counting(Doing::Restoring, input))?;
        Ok(Fed { read: file.end()?, raw_bytes })
    })
    .await;
    first.close().await;
    fed
}

impl Fed {
    /// Was it made of the very bytes that are stored?
    fn is(&self, part: &Part) -> bool {
        let (read, raw_bytes) = (&self.read, self.raw_bytes);
        (read.bytes, &read.blake3, raw_bytes) == (part.bytes, &part.blake3, part.raw_bytes)
    }
}

impl Ahead {
    /// Compares it with what was in the source; nothing when it was made of anything but what is stored.
    pub(super) async fn proven(&self, job: &Job<'_>, manifest: &Manifest) -> Result<Option<Proven>, BackupError> {
        if !self.fed.is(manifest.part(FILE)?) {
            return Ok(None);
        }
        let talk = Talk::open(job, &self.ground.database(NAME)).await?;
        let compared = compared(job, &talk, manifest).await?;
        talk.close().await;
        Ok(Some(Proven { restored: Found::Pass(self.took), compared, ground: self.ground.words(), ahead: true }))
    }

    /// Nothing of it is left.
    pub(super) async fn end(self) {
        self.ground.end().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: a database that was made of anything but the stored bytes is none of this copy.
    #[test]
    fn only_the_stored_bytes_count() {
        let read = Followed { blake3: "ab".to_owned(), bytes: 7, waited: Duration::ZERO };
        let fed = Fed { read, raw_bytes: 20 };
        let part = Part {
            name: "database.dump.zst".to_owned(),
            bytes: 7,
            blake3: "ab".to_owned(),
            sha256: String::new(),
            raw_bytes: 20,
        };
        assert!(fed.is(&part));
        assert!(!fed.is(&Part { blake3: "ac".to_owned(), ..part.clone() }));
        assert!(!fed.is(&Part { bytes: 8, ..part.clone() }));
        assert!(!fed.is(&Part { raw_bytes: 21, ..part }));
    }
}
