//! What a restore would replace.

use super::{
    identity::exists,
    talk::{Talk, is_code},
};
use crate::{BackupError, Job, Manifest, Threat, restore::vanishes};
use config::dsn::PostgresDsn;
use std::collections::BTreeMap;

/// Looks at it. Numbers of rows are the server's guess.
pub(crate) async fn threat(job: &Job<'_>, dsn: &PostgresDsn, manifest: &Manifest) -> Result<Threat, BackupError> {
    let there = exists(job, dsn).await?;
    let mut threat = Threat {
        name: dsn.database.clone(),
        place: dsn.to_string(),
        host: dsn.hosts.first().map(ToString::to_string).unwrap_or_default(),
        exists: there,
        bytes: 0,
        last_write: None,
        vanishes: Vec::new(),
        foreign: (dsn.database != manifest.source.name).then(|| manifest.source.place.clone()),
    };
    if dsn.database == "template1" {
        return Err(BackupError::Unfit("`template1` belongs to the server and is not replaced".into()));
    }
    if there {
        let talk = Talk::open(job, dsn).await?;
        let size = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
        threat.bytes = talk.text("ask how large the database is", size).await?.parse().unwrap_or_default();
        threat.last_write = last_write(&talk).await?;
        threat.vanishes = vanishes(&numbers(&talk).await?, manifest, true);
        talk.close().await;
    }
    Ok(threat)
}

/// Known only where the server keeps the times of commits.
async fn last_write(talk: &Talk) -> Result<Option<jiff::Timestamp>, BackupError> {
    let sql = "SELECT (extract(epoch FROM timestamp) * 1000)::bigint FROM pg_catalog.pg_last_committed_xact()";
    match talk.one("ask for the last write", sql).await {
        Ok(millis) => {
            Ok(millis.and_then(|it| it.parse().ok()).and_then(|it| jiff::Timestamp::from_millisecond(it).ok()))
        }
        // object_not_in_prerequisite_state: track_commit_timestamp is off
        Err(error) if is_code(&error, &["55000", "42501"]) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn numbers(talk: &Talk) -> Result<BTreeMap<String, u64>, BackupError> {
    let sql = "SELECT s.schemaname || '.' || s.relname, s.n_live_tup FROM pg_catalog.pg_stat_user_tables AS s \
               JOIN pg_catalog.pg_class AS c ON c.oid = s.relid WHERE c.relkind = 'r' AND s.n_live_tup > 0";
    let rows = talk.ask("ask how many rows there are", sql).await?;
    let pair = |row: Vec<Option<String>>| {
        let mut cells = row.into_iter().flatten();
        Some((cells.next()?, cells.next()?.parse().ok()?))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}
