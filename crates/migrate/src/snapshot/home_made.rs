//! A home-made table tells by its rows what it means.

use crate::{
    MigrateError,
    catalog::Catalog,
    directory,
    engine::Engine,
    history::{self, Entry as Recorded, HISTORY},
    migration::Kind,
    style::{Style, Table, detect::foreign, diy},
};
use std::path::Path;

/// The style that explains every row of `table`.
///
/// # Errors
/// [`MigrateError::ForeignTable`] with what is not explained.
pub(super) async fn style(
    engine: &Engine,
    catalog: &Catalog,
    table: &Table,
    dir: &Path,
    names: &[String],
) -> Result<Box<dyn Style>, MigrateError> {
    if !table.exists() {
        return Err(MigrateError::NoSuchTable { table: table.shown() });
    }
    let rows = engine.ask("read the ledger", diy::question(table)).await?;
    let (here, gone) = (here(dir, names)?, gone(engine, catalog, table, names).await?);
    let here = here.iter().map(|(name, bytes)| diy::File { name, bytes: Some(bytes) });
    let files: Vec<_> = here.chain(gone.iter().map(|name| diy::File { name, bytes: None })).collect();
    match diy::explain(table, &rows, &files) {
        Ok(style) => Ok(Box::new(style)),
        Err(unexplained) => Err(because(foreign(table), unexplained.to_string())),
    }
}

/// The files that a row may be about, with their bytes.
fn here<'n>(dir: &Path, names: &'n [String]) -> Result<Vec<(&'n str, Vec<u8>)>, MigrateError> {
    let sql = names.iter().filter(|name| !name.contains('/') && name.to_ascii_lowercase().ends_with(".sql"));
    let read = |name: &'n String| {
        let path = dir.join(name);
        let bytes = host::fs::read(&path, directory::LARGEST).map_err(|error| directory::unreadable(&path, &error))?;
        Ok((name.as_str(), bytes))
    };
    sql.map(read).collect()
}

/// Those that we applied ourselves and that are not there any more: a newer release had them.
async fn gone(
    engine: &Engine,
    catalog: &Catalog,
    table: &Table,
    names: &[String],
) -> Result<Vec<String>, MigrateError> {
    let history = catalog.beside(table, HISTORY);
    if !history.exists() {
        return Ok(Vec::new());
    }
    let cells = engine.ask("read the history", history::select(&history)).await?;
    let entries = cells.iter().map(|cells| Recorded::of(cells));
    let gone = entries.filter(|entry| entry.kind == Kind::Versioned && !names.contains(&entry.name));
    let mut gone: Vec<String> = gone.map(|entry| entry.name).collect();
    gone.sort_unstable();
    gone.dedup();
    Ok(gone)
}

fn because(error: MigrateError, why: String) -> MigrateError {
    match error {
        MigrateError::ForeignTable { table, columns, .. } => {
            MigrateError::ForeignTable { table, columns, why: Some(why) }
        }
        other => other,
    }
}
