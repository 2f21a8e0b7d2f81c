//! Has a database lost its ledger?

use crate::{
    Job, MigrateError, directory,
    engine::Engine,
    job::Run,
    snapshot::first_text,
    style::detect::{Choice, Files, Found, detect},
};
use config::MigrationSource;

/// Has the database lost its ledger, and so most likely its schema (S1.10)? Never for an external command, whose ledger
/// we do not know, nor where there is nothing to apply.
///
/// # Errors
/// Why files or database cannot be looked at.
pub async fn lost_ledger(job: &Job<'_>) -> Result<bool, MigrateError> {
    let MigrationSource::Directory(dir) = &job.migrations.source else { return Ok(false) };
    let names = directory::list(dir)?;
    let run = Run::new(job);
    let catalog = Engine::with(&run, async |engine| engine.catalog(job.migrations.table.as_deref()).await).await?;
    let first = first_text(dir, &names);
    let choice = Choice { style: job.migrations.style.as_deref(), table: job.migrations.table.as_deref() };
    let any = names.iter().any(|name| name.ends_with(".sql"));
    Ok(match detect(&catalog, &Files { names: &names, first: &first }, choice)? {
        Found::Style(_, table) => any && !table.exists(),
        Found::ByRows { .. } => false,
    })
}
