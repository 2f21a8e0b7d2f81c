//! The files of a migrations directory.

mod read;

pub(crate) use read::parse;

use crate::{BadFile, MigrateError, Migration, Problem, Version, migration::Kind, style::Style};
use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
};

/// No migration is larger; a dump is not a migration.
pub const LARGEST: u64 = 16 * 1024 * 1024;
/// Directories in directories are followed no deeper: a link may lead back.
const DEEPEST: usize = 16;

/// The migrations of a directory, in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Those with a version, in the order of the style.
    pub migrations: Vec<Migration>,
    /// Those that are applied again when they change, by name.
    pub repeatables: Vec<Migration>,
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFile {
    /// Its name, relative to the directory.
    pub name: String,
    /// The directory that it is relative to.
    pub dir: Arc<Path>,
    /// Its content, or nothing when it is larger than [`LARGEST`].
    pub content: Option<Vec<u8>>,
}

/// The files below a directory by their relative names, sorted; none is opened yet.
///
/// # Errors
/// [`MigrateError::Directory`] when it cannot be read.
pub(crate) fn list(dir: &Path) -> Result<Vec<String>, MigrateError> {
    let mut names = Vec::new();
    walk(dir, "", 0, &mut names).map_err(|error| unreadable(dir, &error))?;
    names.sort_unstable();
    Ok(names)
}

fn walk(dir: &Path, prefix: &str, depth: usize, names: &mut Vec<String>) -> io::Result<()> {
    for entry in host::fs::entries(dir)? {
        let name = format!("{prefix}{}", entry.name);
        match entry.is_dir {
            true if depth < DEEPEST => walk(&dir.join(&entry.name), &format!("{name}/"), depth + 1, names)?,
            true => {}
            false => names.push(name),
        }
    }
    Ok(())
}

/// Reads those of the files `names` in `dir` that are migrations in this style; `root` shortens the names in messages.
///
/// # Errors
/// [`MigrateError::Directory`] when one cannot be read; [`MigrateError::BadFiles`] with every file that is no migration.
pub(crate) fn read(
    dir: &Path,
    root: &Path,
    names: &[String],
    style: &dyn Style,
    vars: &BTreeMap<String, String>,
) -> Result<Directory, MigrateError> {
    let wanted = names.iter().filter(|name| style.recursive() || !name.contains('/'));
    let shared: Arc<Path> = dir.into();
    let files = wanted.filter(|name| style.read_name(name) != crate::style::Named::Other);
    let files = files.map(|name| raw(&shared, name));
    let shown = dir.strip_prefix(root).unwrap_or(dir);
    parse(files, shown, style, vars)
}

/// The seed files in `dir`, by name, whatever they are called.
///
/// # Errors
/// As [`read`].
pub(crate) fn seeds(dir: &Path, root: &Path) -> Result<Vec<Migration>, MigrateError> {
    let names = list(dir)?;
    let wanted = names.iter().filter(|name| name.to_ascii_lowercase().ends_with(".sql"));
    wanted.map(|name| loose(dir, name, root, Kind::Seed)).collect()
}

/// A file that is run whatever it is called.
///
/// # Errors
/// As [`read`].
pub(crate) fn loose(dir: &Path, name: &str, root: &Path, kind: Kind) -> Result<Migration, MigrateError> {
    let shown = dir.strip_prefix(root).unwrap_or(dir).join(name).display().to_string();
    read::loose(&raw(&dir.into(), name)?, &shown, kind).map_err(|bad| MigrateError::BadFiles(vec![*bad]))
}

fn raw(dir: &Arc<Path>, name: &str) -> Result<RawFile, MigrateError> {
    let file = |content| RawFile { name: name.to_owned(), dir: Arc::clone(dir), content };
    match host::fs::read(&dir.join(name), LARGEST) {
        Ok(content) => Ok(file(Some(content))),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Ok(file(None)),
        Err(error) => Err(unreadable(dir, &error)),
    }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> MigrateError {
    MigrateError::Directory { path: path.to_owned(), kind: error.kind(), message: error.to_string() }
}

impl Directory {
    /// Its newest version.
    pub(crate) fn newest(&self) -> Option<&Version> {
        self.migrations.iter().map(|migration| &migration.version).max()
    }

    /// Every number from 1 on has its file?
    ///
    /// # Errors
    /// Each file before which there is a gap.
    pub(crate) fn without_gaps(&self) -> Result<(), MigrateError> {
        let mut bad = Vec::new();
        let mut expected = 1u64;
        for migration in &self.migrations {
            if migration.version != Version::from(expected.to_string().as_str()) {
                let problem = Problem::Gap { expected: expected.to_string() };
                bad.push(BadFile { name: migration.shown.to_string(), problem, place: None });
            }
            expected = migration.version.text().parse::<u64>().unwrap_or(expected).saturating_add(1);
        }
        if bad.is_empty() { Ok(()) } else { Err(MigrateError::BadFiles(bad)) }
    }
}

#[cfg(test)]
mod tests;
