//! A database to look at, on a server of its own.

use super::{
    ground::{Ground, Hurry, NoGround},
    prove::{major, on_ground},
    talk::{Talk, identifier},
};
use crate::{BackupError, Copy, Job, Manifest, restore::equal};
use config::dsn::{Host, PostgresDsn};

/// Databases that every server has.
const TAKEN: [&str; 3] = ["postgres", "template0", "template1"];

/// Makes it of the copy. Who is connected may read, and has to say so to write.
pub(crate) async fn open(
    job: &Job<'_>,
    copy: &Copy,
    manifest: &Manifest,
) -> Result<(Ground, PostgresDsn), BackupError> {
    let encoding = manifest.source.traits.get("encoding").map_or("UTF8", String::as_str);
    let ground = Ground::make(job, major(&manifest.source.server), encoding, Hurry::Waited).await;
    let ground = ground.map_err(|error| match error {
        NoGround::Error(error) => error,
        NoGround::Impossible(why) => BackupError::Unfit(format!("the copy cannot be opened here: {why}")),
    })?;
    let name = match TAKEN.contains(&manifest.source.name.as_str()) {
        true => format!("copy_of_{}", manifest.source.name),
        false => manifest.source.name.clone(),
    };
    let filled = tokio::select! {
        filled = fill(job, copy, manifest, &ground, &name) => filled,
        why = ground.crowded() => Err(BackupError::Unfit(format!("the copy cannot be opened here: {why}"))),
    };
    match filled {
        Ok(()) => {
            let dsn = ground.database(&name);
            Ok((ground, dsn))
        }
        Err(error) => {
            ground.end().await;
            Err(error)
        }
    }
}

async fn fill(job: &Job<'_>, copy: &Copy, manifest: &Manifest, ground: &Ground, name: &str) -> Result<(), BackupError> {
    equal(copy, on_ground(job, &copy.path, manifest, ground, name).await?)?;
    let talk = Talk::open(job, &ground.dsn).await?;
    let sql = format!("ALTER DATABASE {} SET default_transaction_read_only = on", identifier(name));
    talk.run("make the database read-only", &sql).await?;
    talk.close().await;
    Ok(())
}

/// How libpq is told where it is.
pub(crate) fn variables(dsn: &PostgresDsn) -> Vec<(String, String)> {
    let socket = dsn.hosts.iter().find_map(|host| match host {
        Host::Unix(dir, port) => Some((dir.display().to_string(), port.to_string())),
        _ => None,
    });
    let (dir, port) = socket.unwrap_or_default();
    let pairs = [("PGHOST", dir), ("PGPORT", port), ("PGUSER", dsn.user.clone()), ("PGDATABASE", dsn.database.clone())];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
