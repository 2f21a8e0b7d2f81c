//! An empty database in the place of the one that is there, which is kept.

use super::{Ledger, file_name, fits, free_name, identity, swap_files};
use crate::{BackupError, Copy, Job, Manifest, postgres, proof::understood, shelf::Shelf, sqlite};
use config::Target;
use host::fs::Scratch;
use report::Event;
use std::path::Path;

/// Puts an empty database in the place of the one that `copy` is a VERIFIED copy of. The old one is kept under another name, which is
/// answered; [`crate::undo`] puts it back.
///
/// # Errors
/// Nothing was changed, then: the copy is not VERIFIED, or somebody uses the database.
pub async fn empty(job: &Job<'_>, copy: &Copy) -> Result<Option<String>, BackupError> {
    let manifest = understood(copy)?;
    fits(job, &manifest)?;
    if !manifest.is_verified() {
        return Err(BackupError::Damaged { id: copy.id.to_string(), why: "is not VERIFIED".to_owned() });
    }
    let shelf = Shelf::open(job.to, job.app, &identity(job).await?)?;
    let mut ledger = Ledger::open(job, shelf.dir()).await?;
    let before = match job.target {
        Target::Sqlite(path) => of_sqlite(job, &manifest, path, &mut ledger).await?,
        Target::Postgres(dsn) => {
            let beside = postgres::make(job, copy, &manifest, dsn, postgres::Content::Empty).await?;
            beside.take_place(job, dsn, manifest.id, &mut ledger).await?
        }
        other => return Err(BackupError::WrongTarget { kind: other.kind() }),
    };
    if let Some(before) = &before {
        let name = super::name(job.target);
        let text = format!("`{name}` is empty; what was there is kept as `{before}`");
        job.journal.note(Event::new("restore.emptied", text).with("database", name).with("before", before.clone()));
    }
    Ok(before)
}

/// A file without a byte is an empty database (sqlite.org: "Database File Format").
async fn of_sqlite(
    job: &Job<'_>,
    manifest: &Manifest,
    path: &Path,
    ledger: &mut Ledger,
) -> Result<Option<String>, BackupError> {
    if host::fs::metadata(path).is_err() {
        return Ok(None);
    }
    let scratch =
        Scratch::beside(path).map_err(|error| BackupError::files("there is no room beside the database", error))?;
    let new = scratch.path().join("new.sqlite");
    host::fs::create(&new, 0o600).map_err(|error| BackupError::files("there is no room beside the database", error))?;
    let before = free_name(path, "before", manifest.id);
    swap_files(job, path, &new, &before, sqlite::Old::Sound, manifest.id, ledger).await?;
    Ok(Some(file_name(&before)))
}
