//! All pending files are looked into before the first one is applied.

use crate::{
    BadFile, MigrateError, Migration, Problem,
    empty::Sieve,
    script::{Script, Text},
    sql::{Dialect, first_obstacle},
    style::Style,
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
pub(crate) fn refuse(pending: &[&Migration], target: &Target, style: &dyn Style) -> Result<(), MigrateError> {
    let (dialect, mut bad) = (dialect(target), Vec::new());
    let sieve = Sieve::new(style, dialect);
    for Migration { kind, up, .. } in pending {
        let text = up.load()?;
        match sieve.refuses(*kind, up, &text) {
            true => bad.push(BadFile { name: up.shown.to_string(), problem: Problem::Unwritten, place: None }),
            false => bad.extend(obstacle(up, &text, dialect)),
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(MigrateError::BadFiles(bad)) }
}

/// Can this be run?
///
/// # Errors
/// As [`refuse`].
pub(crate) fn refuse_script(script: &Script, target: &Target) -> Result<(), MigrateError> {
    match obstacle(script, &script.load()?, dialect(target)) {
        Some(bad) => Err(MigrateError::BadFiles(vec![bad])),
        None => Ok(()),
    }
}

fn obstacle(script: &Script, text: &Text, dialect: Dialect) -> Option<BadFile> {
    for section in &script.sections {
        if let Some(found) = first_obstacle(text.section(section), dialect, section.transaction) {
            let start = section.range.start;
            let place = text.place(start + found.range.start, start + found.range.end);
            return Some(BadFile {
                name: script.shown.to_string(),
                problem: Problem::Obstacle(found.obstacle),
                place: Some(Box::new(place)),
            });
        }
    }
    None
}
