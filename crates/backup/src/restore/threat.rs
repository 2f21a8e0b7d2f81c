//! What a restore would replace, for whoever has to say yes to it.

use crate::{
    BackupError, Copy, Job, Manifest,
    proof::understood,
    sqlite::{self, CallOff},
};
use config::Target;
use jiff::Timestamp;
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// What a restore would replace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threat {
    /// The name of the database, which has to be typed to say yes.
    pub name: String,
    /// Where it is, without secrets.
    pub place: String,
    /// The machine it is on.
    pub host: String,
    /// Is there a database at all?
    pub exists: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written to, where that is known.
    pub last_write: Option<Timestamp>,
    /// What is there now and is not in the copy.
    pub vanishes: Vec<String>,
    /// Is the copy of another database?
    pub foreign: Option<String>,
}

/// Looks at what would be replaced. Changes nothing.
///
/// # Errors
/// It cannot be looked at.
pub async fn threat(job: &Job<'_>, copy: &Copy) -> Result<Threat, BackupError> {
    let manifest = understood(copy)?;
    super::fits(job, &manifest)?;
    match job.target {
        Target::Sqlite(path) => of_sqlite(path, &manifest).await,
        Target::Postgres(dsn) => crate::postgres::threat(job, dsn, &manifest).await,
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}

async fn of_sqlite(path: &Path, manifest: &Manifest) -> Result<Threat, BackupError> {
    let facts = host::fs::metadata(path);
    let log = host::fs::metadata(Path::new(&format!("{}-wal", path.display())));
    let written = [&facts, &log].into_iter().flatten().filter_map(|facts| facts.modified).max();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let there = sqlite::identity(path);
    let foreign = there.is_some_and(|there| there != manifest.source.id) && name != manifest.source.name;
    let now = match facts.is_ok() {
        true => {
            let path = path.to_owned();
            // One that cannot be read may well be why somebody restores it.
            sqlite::blocking(move |call_off: &CallOff| Ok(sqlite::numbers(&path, call_off).unwrap_or_default())).await?
        }
        false => BTreeMap::new(),
    };
    Ok(Threat {
        name,
        place: format!("sqlite:{}", path.display()),
        host: host::proc::hostname().unwrap_or_default(),
        exists: facts.is_ok(),
        bytes: facts.map_or(0, |facts| facts.len),
        last_write: written.and_then(|time| Timestamp::try_from(time).ok()),
        vanishes: vanishes(&now, manifest, false),
        foreign: foreign.then(|| manifest.source.place.clone()),
    })
}

/// Tables with more rows than in the copy, and tables that it does not have. `about`: the numbers are the server's guess.
pub(crate) fn vanishes(now: &BTreeMap<String, u64>, manifest: &Manifest, about: bool) -> Vec<String> {
    let about = if about { "about " } else { "" };
    let told = |(table, rows): (&String, &u64)| match manifest.content.tables.get(table) {
        None => Some(format!("table `{table}` with {about}{rows} rows")),
        Some(then) if *rows > then.rows => Some(format!("{about}{} rows of `{table}`", rows - then.rows)),
        Some(_) => None,
    };
    now.iter().filter_map(told).collect()
}
