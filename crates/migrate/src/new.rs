//! The files of a new migration, in the style of those that are there.

use crate::{
    Job, MigrateError, Version, directory,
    snapshot::first_text,
    style::{
        Named, Numbering, Part, Style,
        detect::{self, Files},
    },
};
use std::{io::ErrorKind, path::PathBuf};

/// Makes the files of a new migration that does `what`; `now` is the time as `YYYYMMDDhhmmss` in UTC, for styles that number by
/// it. Answers with their paths.
///
/// # Errors
/// [`MigrateError::Directory`] when one of them is there already or cannot be written.
pub fn new(job: &Job<'_>, what: &str, now: &str) -> Result<Vec<PathBuf>, MigrateError> {
    let dir = job.dir("new")?;
    let failed = |error: std::io::Error| directory::unreadable(dir, &error);
    host::fs::create_dir_all_private(dir, 0o777).map_err(failed)?;
    let names = directory::list(dir)?;
    let style = style_of(job, &names, &first_text(dir, &names))?;
    let version = next(&*style, &names, now);
    let files = style.skeleton(&version, &words(what), &names);
    let mut paths = Vec::new();
    for (name, content) in files {
        let path = dir.join(name);
        if host::fs::metadata(&path).is_ok() {
            let taken = std::io::Error::new(ErrorKind::AlreadyExists, format!("`{}` is there already", path.display()));
            return Err(failed(taken));
        }
        host::fs::write_atomic(&path, content.as_bytes(), 0o644).map_err(failed)?;
        paths.push(path);
    }
    Ok(paths)
}

/// Names that two styles share are written alike by both.
fn style_of(job: &Job<'_>, names: &[String], first: &str) -> Result<Box<dyn Style>, MigrateError> {
    match job.migrations.style.as_deref() {
        Some(style) => detect::style(style),
        None => match detect::by_files(&Files { names, first }) {
            Err(MigrateError::Ambiguous { styles, .. }) => {
                detect::style(styles.first().map_or("plain", String::as_str))
            }
            found => found,
        },
    }
}

/// Lower case, words joined by `_`; what has no place in a file's name is left out.
fn words(what: &str) -> String {
    let plain: String = what.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("_")
}

/// One more than the newest, as wide as that is written; the time where the newest is a time.
fn next(style: &dyn Style, names: &[String], now: &str) -> Version {
    let versions = names.iter().filter_map(|name| match style.read_name(name) {
        Named::Migration { version, part: Part::Up | Part::Both, .. } => Some(version),
        _ => None,
    });
    let newest = versions.max();
    match (&newest, style.numbering()) {
        (Some(newest), _) if newest.text().len() >= now.len() => later(now, newest),
        (Some(newest), _) => following(newest.text()),
        (None, Numbering::Time) => Version::from(now),
        (None, Numbering::Count { width }) => Version::from(format!("{:0width$}", 1).as_str()),
    }
}

/// The time, or just after the newest when that lies in the future.
fn later(now: &str, newest: &Version) -> Version {
    let now = Version::from(now);
    if now > *newest { now } else { following(newest.text()) }
}

fn following(text: &str) -> Version {
    let (head, last) = text.rsplit_once('.').map_or(("", text), |(head, last)| (head, last));
    let width = last.len();
    let number = last.parse::<u128>().unwrap_or_default().saturating_add(1);
    let next = if head.is_empty() { format!("{number:0width$}") } else { format!("{head}.{number:0width$}") };
    Version::from(next.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::Plain;

    fn next_of(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        next(&Plain, &names, "20261124183000").text().to_owned()
    }

    #[test]
    fn numbers_go_on_as_they_are_written() {
        assert_eq!(next_of(&[]), "0001");
        assert_eq!(next_of(&["0009_a.sql", "0009_a.down.sql", "readme.md"]), "0010");
        assert_eq!(next_of(&["9_a.sql"]), "10");
        assert_eq!(next_of(&["20250101000000_a.sql"]), "20261124183000");
        assert_eq!(next_of(&["20990101000000_a.sql"]), "20990101000001");
        assert_eq!(following("1.9").text(), "1.10");
    }

    #[test]
    fn what_it_does_becomes_a_name() {
        assert_eq!(words("Add users' e-mail"), "add_users_e_mail");
    }
}
