//! Is everything in the database what the files say? Reads only.

use crate::{
    Conflict, Job, MigrateError,
    engine::Engine,
    history::{self, Journaled},
    job::Run,
    ledger::{Standing, Where, conflicts},
    postgres,
    snapshot::Snapshot,
    sql::Dialect,
};
use config::MigrationPolicies;
use serde::Serialize;
use std::path::Path;

/// What was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Migrations that are in the database as their files are.
    pub passed: usize,
    /// What is not as it should be, each a sentence.
    pub failed: Vec<String>,
    /// What could not be verified, each a sentence.
    pub unverified: Vec<String>,
    /// The disagreements of files and ledger among those that failed.
    #[serde(skip)]
    pub conflicts: Vec<Conflict>,
}

/// Compares files, ledger, history and what the database itself says. Whatever the policies tolerate is told all the same.
///
/// # Errors
/// Why files or database cannot be read.
pub async fn verify(job: &Job<'_>) -> Result<Verified, MigrateError> {
    let (dir, run) = (job.dir("verify")?, Run::new(job));
    Engine::with(&run, async |engine| through(&run, engine, dir).await).await
}

async fn through(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<Verified, MigrateError> {
    let snapshot = Snapshot::take(run, engine, dir).await?;
    let standings = snapshot.standings();
    let mut verified = Verified {
        passed: standings.iter().filter(|it| is_same(it)).count(),
        conflicts: conflicts(&standings, &MigrationPolicies::default(), snapshot.style.name()),
        ..Verified::default()
    };
    // The journal tells it statement by statement.
    verified.conflicts.retain(|it| !matches!(it, Conflict::UndoneInPart { .. } | Conflict::BegunAs { .. }));
    for standing in &standings {
        verified.unverified.extend(unverified(standing, snapshot.style.name()));
        let not_ours = standing.file.filter(|_| standing.row.is_some() && standing.recorded.is_none());
        verified.unverified.extend(not_ours.into_iter().flat_map(|file| snapshot.style.doubts(file)));
    }
    verified.failed.extend(interrupted(engine, &snapshot).await?);
    if snapshot.catalog.dialect == Dialect::Postgres {
        verified.failed.extend(invalid_indexes(engine).await?);
    }
    Ok(verified)
}

fn is_same(standing: &Standing<'_>) -> bool {
    matches!(&standing.place, Where::Applied { unverified: false })
        || matches!(&standing.place, Where::Changed(difference) if difference.is_harmless())
}

fn unverified(standing: &Standing<'_>, tool: &str) -> Option<String> {
    match &standing.place {
        Where::Applied { unverified: true } => {
            let name = standing.name();
            Some(format!("`{name}`: {tool} keeps no checksum, and mainstay did not apply it"))
        }
        _ => None,
    }
}

/// Files that got no further than some of their statements.
async fn interrupted(engine: &mut Engine, snapshot: &Snapshot) -> Result<Vec<String>, MigrateError> {
    if !snapshot.journal.exists() {
        return Ok(Vec::new());
    }
    let rows = engine.ask("read the journal", history::unfinished(&snapshot.journal)).await?;
    let last = rows.chunk_by(|a, b| a[3..] == b[3..]).filter_map(|file| file.last());
    Ok(last
        .map(|cells| {
            let (statement, name) = (Journaled::of(cells), cells[3].clone().unwrap_or_default());
            let state = if statement.done { "is done" } else { "was begun, and its end was not seen" };
            format!("`{name}` is not finished: statement {} {state}", statement.number)
        })
        .collect())
}

async fn invalid_indexes(engine: &mut Engine) -> Result<Vec<String>, MigrateError> {
    let rows = engine.ask("look for invalid indexes", postgres::INVALID_INDEXES.to_owned()).await?;
    Ok(rows.iter().map(postgres::invalid_index).collect())
}
