//! The rows that are there now, counted and hashed in a limited time.

use super::{
    content::{Table, forms, tables},
    rows::{Form, Reading},
    talk::{Talk, is_code},
};
use crate::{BackupError, Content, Job, restore::Now};
use config::dsn::PostgresDsn;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// query_canceled: the time is up. lock_not_available: somebody has the table for himself.
const TIME_IS_UP: [&str; 2] = ["57014", "55P03"];
/// insufficient_privilege
const DENIED: [&str; 1] = ["42501"];
/// undefined_table: somebody has dropped it meanwhile.
const GONE: [&str; 1] = ["42P01"];

/// The rows of each table, or why they are not known, in the form in which those of `copy` were hashed; and what each table is like.
pub(crate) async fn rows_now(
    job: &Job<'_>,
    dsn: &PostgresDsn,
    copy: &Content,
    limit: Duration,
) -> Result<(BTreeMap<String, Now>, BTreeMap<String, String>), BackupError> {
    let deadline = Instant::now() + limit;
    let talk = Talk::open(job, dsn).await?;
    let forms = forms(&talk).await?;
    let reading = Reading::begin(&talk, Form::of(copy)).await?;
    let mut now = BTreeMap::new();
    for table in tables(&talk).await? {
        let left = deadline.saturating_duration_since(Instant::now());
        if let Some(rows) = one(&talk, &reading, &table, left).await? {
            now.insert(format!("{}.{}", table.0, table.1), rows);
        }
    }
    talk.close().await;
    Ok((now, forms))
}

/// Nothing of a table that is gone.
async fn one(talk: &Talk, reading: &Reading<'_>, table: &Table, left: Duration) -> Result<Option<Now>, BackupError> {
    let too_long = || Some(Err("counting its rows took too long".to_owned()));
    if left.is_zero() {
        return Ok(too_long());
    }
    talk.run("limit the time", &format!("SET statement_timeout = {}", left.as_millis().max(1))).await?;
    match reading.rows(table).await {
        Ok(rows) => Ok(Some(Ok(rows))),
        Err(error) if is_code(&error, &TIME_IS_UP) => Ok(too_long()),
        Err(error) if is_code(&error, &DENIED) => Ok(Some(Err("our user may not read it".to_owned()))),
        Err(error) if is_code(&error, &GONE) => Ok(None),
        Err(error) => Err(error),
    }
}
