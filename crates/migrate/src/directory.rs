//! The files of a migrations directory.

use crate::{BadFile, MigrateError, Migration, Problem, Version};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// No migration is larger; a dump is not a migration.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// The migrations of a directory, in the order in which they are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Ordered by version.
    pub migrations: Vec<Migration>,
    /// Files that undo others (`.down.sql`, `.rollback.sql`) and are left alone.
    pub ignored: Vec<String>,
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFile {
    /// Its name, without the directory.
    pub name: String,
    /// Its content, or nothing when it is larger than [`LARGEST`].
    pub content: Option<Vec<u8>>,
}

/// The migrations in `dir`, not in its subdirectories; `root` shortens the names in messages.
///
/// # Errors
/// [`MigrateError::Directory`] when it cannot be read; [`MigrateError::BadFiles`] with every file that is no migration.
pub fn read(dir: &Path, root: &Path) -> Result<Directory, MigrateError> {
    let failed = |error: io::Error| MigrateError::Directory {
        path: dir.to_owned(),
        kind: error.kind(),
        message: error.to_string(),
    };
    let files =
        sql_files(dir).map_err(failed)?.into_iter().map(|path| raw(&path)).collect::<Result<_, _>>().map_err(failed)?;
    parse(files, dir.strip_prefix(root).unwrap_or(dir)).map_err(MigrateError::BadFiles)
}

fn sql_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = host::fs::list(dir)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")));
    Ok(paths)
}

fn raw(path: &Path) -> io::Result<RawFile> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match host::fs::read(path, LARGEST) {
        Ok(content) => Ok(RawFile { name, content: Some(content) }),
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Ok(RawFile { name, content: None }),
        Err(error) => Err(error),
    }
}

/// The same, of files already read; `shown` is the directory as messages name it. All problems at once.
pub fn parse(files: Vec<RawFile>, shown: &Path) -> Result<Directory, Vec<BadFile>> {
    let (mut directory, mut bad) = (Directory::default(), Vec::new());
    for file in files {
        let name = shown.join(&file.name).display().to_string();
        if undoes(&file.name) {
            directory.ignored.push(name);
            continue;
        }
        match migration(&file, name.clone()) {
            Ok(migration) => directory.migrations.push(migration),
            Err(problem) => bad.push(BadFile { name, problem, place: None }),
        }
    }
    directory.migrations.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.name.cmp(&b.name)));
    bad.extend(twins(&directory.migrations));
    if bad.is_empty() { Ok(directory) } else { Err(bad) }
}

fn migration(file: &RawFile, shown: String) -> Result<Migration, Problem> {
    let version = Version::of(&file.name).ok_or(Problem::NoVersion)?;
    let content = file.content.as_deref().ok_or(Problem::TooLarge)?;
    let text = std::str::from_utf8(content).map_err(|error| Problem::NotUtf8 { byte: error.valid_up_to() })?;
    match text.find('\0') {
        Some(byte) => Err(Problem::Nul { byte }),
        None => Ok(Migration::new(version, &file.name, shown, text)),
    }
}

fn undoes(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".down.sql") || name.ends_with(".rollback.sql")
}

/// `migrations` are ordered, so twins are neighbours.
fn twins(migrations: &[Migration]) -> impl Iterator<Item = BadFile> {
    migrations.windows(2).filter(|pair| pair[0].version == pair[1].version).map(|pair| BadFile {
        name: pair[1].shown.clone(),
        problem: Problem::SameVersion { version: pair[1].version.clone(), other: pair[0].shown.clone() },
        place: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> RawFile {
        RawFile { name: name.into(), content: Some(content.into()) }
    }

    /// S1.1: in order, and the order is the number's, not the text's.
    #[test]
    fn files_come_in_the_order_of_their_numbers() {
        let names = ["10_c.sql", "2_b.sql", "0001_a.sql", "2_b.down.sql", "3_x.ROLLBACK.SQL"];
        let directory = parse(names.map(|name| file(name, b"select 1;")).into(), Path::new("migrations")).unwrap();
        let order: Vec<_> = directory.migrations.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(order, ["0001_a.sql", "2_b.sql", "10_c.sql"]);
        assert_eq!(directory.ignored, ["migrations/2_b.down.sql", "migrations/3_x.ROLLBACK.SQL"]);
    }

    #[test]
    fn every_file_that_is_no_migration_is_named_at_once() {
        let files = vec![
            file("0001_a.sql", b"select 1;"),
            file("1_b.sql", b"select 1;"),
            file("init.sql", b""),
            file("3_latin.sql", b"-- caf\xe9"),
            file("4_nul.sql", b"a\0b"),
            RawFile { name: "5_dump.sql".into(), content: None },
        ];
        let problems: Vec<_> =
            parse(files, Path::new("m")).unwrap_err().into_iter().map(|bad| (bad.name, bad.problem)).collect();
        assert_eq!(
            problems,
            [
                ("m/init.sql".into(), Problem::NoVersion),
                ("m/3_latin.sql".into(), Problem::NotUtf8 { byte: 6 }),
                ("m/4_nul.sql".into(), Problem::Nul { byte: 1 }),
                ("m/5_dump.sql".into(), Problem::TooLarge),
                ("m/1_b.sql".into(), Problem::SameVersion { version: "1".into(), other: "m/0001_a.sql".into() }),
            ]
        );
    }
}
