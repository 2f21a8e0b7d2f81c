//! Where an SQLite database lies.

use super::{Surroundings, TargetError, url::decode};
use report::Finding;
use std::path::PathBuf;

/// Parameters that concern the driver of the application and mean nothing to us.
const DRIVER_PARAMETERS: [&str; 7] =
    ["mode", "cache", "timeout", "check_same_thread", "charset", "isolation_level", "foreign_keys"];

/// The path in `sqlite:path`, `sqlite://path`, `sqlite:///absolute`, and in SQLAlchemy's spelling: `sqlite:///./relative`,
/// `sqlite:////absolute`, `sqlite+aiosqlite:///relative` (SQLAlchemy manual, "Database URLs").
pub(crate) fn parse(text: &str, around: &Surroundings<'_>) -> Result<PathBuf, TargetError> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    check_parameters(text, query)?;
    let sqlalchemy = scheme.contains('+');
    let path = match path.strip_prefix("//") {
        None => path,
        Some(path) if path.starts_with("//") || path.starts_with("/./") || path.starts_with("/../") => &path[1..],
        Some(path) if sqlalchemy && path.starts_with('/') => &path[1..],
        Some(path) => {
            warn_of_two_readings(text, path, around);
            path
        }
    };
    let path = decode(text, path)?;
    match path.as_str() {
        "" | "/" => Err(TargetError::new(text, "it names no file").hint("write `sqlite:data/app.db`")),
        ":memory:" | "/:memory:" => Err(TargetError::new(text, "a database in memory cannot be shared with a service")
            .hint("write the path of a file: `sqlite:data/app.db`")),
        path => Ok(PathBuf::from(path)),
    }
}

fn check_parameters(text: &str, query: &str) -> Result<(), TargetError> {
    let keys = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or(pair));
    match keys.into_iter().find(|key| !DRIVER_PARAMETERS.contains(key)) {
        Some(key) => Err(TargetError::new(text, format!("unknown parameter `{key}`"))),
        None => Ok(()),
    }
}

/// `sqlite:///app.db` is the absolute `/app.db` to most, and the relative `app.db` to SQLAlchemy and Django.
fn warn_of_two_readings(text: &str, path: &str, around: &Surroundings<'_>) {
    if let Some(relative) = path.strip_prefix('/') {
        around.warn(
            Finding::warning(format!("`{text}` is read as the absolute path `{path}`"))
                .seen("SQLAlchemy and Django read three slashes as a relative path")
                .hint(format!(
                    "write `sqlite:///{path}` for the absolute path, `sqlite:{relative}` for the relative one"
                )),
        );
    }
}
