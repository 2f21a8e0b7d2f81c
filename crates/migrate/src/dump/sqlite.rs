//! The schema of an SQLite database, as the database keeps it.

use super::OURS;
use crate::{MigrateError, engine::Engine, quote::literal, sql::Dialect};
use config::Target;
use std::io::ErrorKind;

/// Tables, then their indexes, then views and triggers, each by name: whatever one needs comes before it.
pub(super) async fn schema(engine: &mut Engine, target: &Target) -> Result<String, MigrateError> {
    must_exist(target)?;
    let rows = engine.ask("read the schema", objects()).await?;
    let objects = rows.into_iter().filter_map(|cells| cells.into_iter().next().flatten());
    let mut text: String = objects.map(|sql| format!("{sql};\n\n")).collect();
    for pragma in ["application_id", "user_version"] {
        let rows = engine.ask("read a number of the database", format!("PRAGMA {pragma}")).await?;
        let number = rows.into_iter().flatten().flatten().next().unwrap_or_default();
        if number != "0" && !number.is_empty() {
            text += &format!("PRAGMA {pragma} = {number};\n\n");
        }
    }
    Ok(text)
}

fn must_exist(target: &Target) -> Result<(), MigrateError> {
    match target {
        Target::Sqlite(path) if host::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) => {
            Err(MigrateError::NoDatabase { database: path.display().to_string() })
        }
        _ => Ok(()),
    }
}

/// What SQLite makes by itself (indexes of constraints, its own tables, the tables behind a virtual one) and ours left out.
fn objects() -> String {
    let ours: Vec<_> = OURS.iter().map(|name| literal(name, Dialect::Sqlite)).collect();
    format!(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         AND tbl_name NOT IN ({}) \
         AND NOT (type = 'table' AND name IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')) \
         ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, tbl_name, name",
        ours.join(", ")
    )
}
