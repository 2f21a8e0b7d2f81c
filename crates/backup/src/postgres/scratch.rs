//! A database beside the real one, where no server of its own can be had.

use super::{
    identity::hash,
    load,
    prove::{major, restored},
    talk::{Talk, identifier},
};
use crate::{BackupError, Job, Manifest, proof::Proven};
use config::dsn::PostgresDsn;
use std::path::Path;
use tokio::time::Instant;

/// How such databases are called.
const PREFIX: &str = "mainstay_proof_";

/// `why` there is no server of its own.
pub(super) async fn prove(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    why: String,
) -> Result<Proven, BackupError> {
    let begun = Instant::now();
    let Ok(talk) = Talk::open(job, dsn).await else { return Ok(Proven::impossible(why)) };
    if talk.major() != major(&manifest.source.server) {
        return Ok(Proven::impossible(why));
    }
    let name = format!("{PREFIX}{}", hash(&dsn.database));
    // Left by somebody who was killed.
    drop_database(&talk, &name).await?;
    let owner = None;
    if let Err(error) = load::create(&talk, &name, &manifest.source, owner).await {
        return Ok(Proven::impossible(format!("{why}; nor beside the database: {}", error.finding().in_a_line())));
    }
    let beside = PostgresDsn { database: name.clone(), ..dsn.clone() };
    let ground = format!("a database beside, PostgreSQL {}", talk.version());
    let proven = restored(job, copy, manifest, &beside, ground, begun).await;
    drop_database(&talk, &name).await?;
    talk.close().await;
    proven
}

async fn drop_database(talk: &Talk, name: &str) -> Result<(), BackupError> {
    talk.run("drop the database of a proof", &format!("DROP DATABASE IF EXISTS {}", identifier(name))).await
}
