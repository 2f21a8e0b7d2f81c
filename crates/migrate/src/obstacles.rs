//! All pending files are looked into before the first one is applied.

use crate::{
    BadFile, MigrateError, Migration, Problem,
    script::Script,
    sql::{Dialect, first_obstacle},
};
use config::Target;

/// The SQL that a target speaks.
pub(crate) fn dialect(target: &Target) -> Dialect {
    if matches!(target, Target::Sqlite(_)) { Dialect::Sqlite } else { Dialect::Postgres }
}

/// Can each of them be run?
///
/// # Errors
/// [`MigrateError::BadFiles`] with the first obstacle of each, and its place.
pub(crate) fn refuse(pending: &[&Migration], target: &Target) -> Result<(), MigrateError> {
    let mut bad = Vec::new();
    for migration in pending {
        bad.extend(obstacle(&migration.up, dialect(target))?);
    }
    if bad.is_empty() { Ok(()) } else { Err(MigrateError::BadFiles(bad)) }
}

/// Can this be run?
///
/// # Errors
/// As [`refuse`].
pub(crate) fn refuse_script(script: &Script, target: &Target) -> Result<(), MigrateError> {
    match obstacle(script, dialect(target))? {
        Some(bad) => Err(MigrateError::BadFiles(vec![bad])),
        None => Ok(()),
    }
}

fn obstacle(script: &Script, dialect: Dialect) -> Result<Option<BadFile>, MigrateError> {
    let text = script.load()?;
    for section in &script.sections {
        if let Some(found) = first_obstacle(text.section(section), dialect, section.transaction) {
            let start = section.range.start;
            let place = text.place(start + found.range.start, start + found.range.end);
            return Ok(Some(BadFile {
                name: script.shown.to_string(),
                problem: Problem::Obstacle(found.obstacle),
                place: Some(Box::new(place)),
            }));
        }
    }
    Ok(None)
}
