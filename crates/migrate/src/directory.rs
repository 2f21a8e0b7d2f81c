//! The files of a migrations directory.

mod read;

pub(crate) use read::parse;

use crate::{BadFile, MigrateError, Migration, Problem, Version, migration::Kind, style::Style};
use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

/// No migration is larger; a dump is not a migration.
pub const LARGEST: u64 = 16 * 1024 * 1024;
/// Directories in directories are followed no deeper.
const DEEPEST: usize = 16;
/// No directory of migrations has more files; one that does is something else.
const MOST: usize = 100_000;

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
    /// Its content, or why it cannot be had.
    pub content: Result<Vec<u8>, Problem>,
}

/// The files below a directory by their relative names, sorted; none is opened yet.
///
/// # Errors
/// [`MigrateError::Directory`] when it cannot be read, or has far too many files.
pub(crate) fn list(dir: &Path) -> Result<Vec<String>, MigrateError> {
    let mut names = Vec::new();
    walk(dir, "", &mut Vec::new(), &mut names).map_err(|error| unreadable(dir, &error))?;
    names.sort_unstable();
    Ok(names)
}

/// `above` are the directories that `dir` lies in, without links in their paths: a link that leads back to one of them is not
/// followed, for two of them would double the way at every turn.
fn walk(dir: &Path, prefix: &str, above: &mut Vec<PathBuf>, names: &mut Vec<String>) -> io::Result<()> {
    let real = host::fs::real_path(dir);
    if above.len() > DEEPEST || above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in host::fs::entries(dir)? {
        let name = format!("{prefix}{}", entry.name);
        match entry.is_dir {
            true => walk(&dir.join(&entry.name), &format!("{name}/"), above, names)?,
            false if names.len() == MOST => {
                return Err(io::Error::new(ErrorKind::InvalidInput, format!("it has more than {MOST} files")));
            }
            false => names.push(name),
        }
    }
    above.pop();
    Ok(())
}

/// Reads those of the files `names` in `dir` that are migrations in this style; `root` shortens the names in messages.
///
/// # Errors
/// [`MigrateError::BadFiles`] with every file that cannot be read or is no migration.
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
    read::loose(&raw(&dir.into(), name), &shown, kind).map_err(|bad| MigrateError::BadFiles(vec![*bad]))
}

fn raw(dir: &Arc<Path>, name: &str) -> RawFile {
    RawFile { name: name.to_owned(), dir: Arc::clone(dir), content: content(dir, name) }
}

/// The bytes of a file, or why they cannot be had.
pub(crate) fn content(dir: &Path, name: &str) -> Result<Vec<u8>, Problem> {
    host::fs::read(&dir.join(name), LARGEST).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => Problem::TooLarge,
        // What stands for bytes that are no text leads to no file.
        ErrorKind::NotFound if name.contains(char::REPLACEMENT_CHARACTER) => Problem::NameNotUtf8,
        kind => Problem::Unreadable { kind, message: error.to_string() },
    })
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
