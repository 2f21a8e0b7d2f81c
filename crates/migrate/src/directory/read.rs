//! Files become migrations: names and sections are read, directions are paired, all problems are told at once.

use super::{Directory, RawFile};
use crate::{
    BadFile, MigrateError, Migration, Problem, Version,
    migration::{Kind, compat},
    script::{Origin, Script, normal},
    style::{Flaw, Named, Part, Plain, Section, Stamped, Style, plain::sha256},
};
use report::Place;
use std::{borrow::Cow, collections::BTreeMap, path::Path, sync::Arc};

/// The migrations in `files`; `shown` is the directory as messages name it.
///
/// # Errors
/// All that is wrong with them at once.
pub(crate) fn parse(
    files: impl IntoIterator<Item = RawFile>,
    shown: &Path,
    style: &dyn Style,
    vars: &BTreeMap<String, String>,
) -> Result<Directory, MigrateError> {
    let (mut found, mut bad) = (Found::default(), Vec::new());
    for file in files {
        let name = shown.join(&file.name).display().to_string();
        match read(&file, &name, style, vars) {
            Ok(read) => found.take(read),
            Err(problem) => bad.push(*problem),
        }
    }
    bad.extend(found.pair_up());
    found.migrations.sort_by(|a, b| style.order(a, b));
    bad.extend(twins(&found.migrations));
    let Found { migrations, repeatables, .. } = found;
    if bad.is_empty() { Ok(Directory { migrations, repeatables }) } else { Err(MigrateError::BadFiles(bad)) }
}

/// What one file turned out to be.
enum Read {
    Migration(Box<Migration>),
    Down(Down),
}

/// A file that undoes a migration.
struct Down {
    version: Version,
    shown: Arc<str>,
    /// None when nothing has been written into it yet: that undoes nothing.
    script: Option<Script>,
}

#[derive(Default)]
struct Found {
    migrations: Vec<Migration>,
    repeatables: Vec<Migration>,
    downs: Vec<Down>,
}

impl Found {
    fn take(&mut self, read: Read) {
        match read {
            Read::Migration(migration) if migration.kind == Kind::Versioned => self.migrations.push(*migration),
            Read::Migration(migration) => self.repeatables.push(*migration),
            Read::Down(down) => self.downs.push(down),
        }
    }

    /// Gives each migration the file that undoes it.
    fn pair_up(&mut self) -> Vec<BadFile> {
        let mut bad = Vec::new();
        for Down { version, shown, script } in self.downs.drain(..) {
            let shown = shown.to_string();
            let problem = match self.migrations.iter_mut().find(|migration| migration.version == version) {
                Some(migration) if migration.down.is_none() => {
                    migration.down = script.map(Box::new);
                    continue;
                }
                Some(migration) => Problem::SameVersion { version, other: migration.shown.to_string() },
                None => Problem::NoUp { version },
            };
            bad.push(BadFile { name: shown, problem, place: None });
        }
        bad
    }
}

fn read(file: &RawFile, shown: &str, style: &dyn Style, vars: &BTreeMap<String, String>) -> Result<Read, Box<BadFile>> {
    let bad = |problem| Box::new(BadFile { name: shown.to_owned(), problem, place: None });
    let (kind, version, description, part) = match style.read_name(&file.name) {
        Named::Migration { version, description, part } => (Kind::Versioned, version, description, part),
        Named::Repeatable { description } => (Kind::Repeatable, Version::default(), description, Part::Up),
        Named::Other => return Err(bad(Problem::NoVersion)),
        Named::Bad(problem) => return Err(bad(problem)),
    };
    let (raw, text) = text(file).map_err(bad)?;
    let sections = style.read_text(part, &text, vars).map_err(|flaw| flawed(shown, &text, flaw))?;
    let (checksum, shown): (Arc<str>, Arc<str>) = (sha256(&text).into(), shown.into());
    let script = |sections: Vec<Section>, filled: &Cow<'_, str>| match filled {
        Cow::Borrowed(_) => Script::in_file(origin(file, &checksum), Arc::clone(&shown), sections),
        Cow::Owned(filled) => Script::filled(filled, &text, Arc::clone(&shown), sections),
    };
    let down = sections.down.map(|down| script(down, &sections.text));
    if part == Part::Down {
        let script = down.filter(|_| !(style.refuses_unwritten() && text.trim().is_empty()));
        return Ok(Read::Down(Down { version, shown, script }));
    }
    let (filled, sum) = (&*sections.text, &*checksum);
    let stamped = Stamped { raw, text: &text, sum, filled, version: &version, description: &description };
    Ok(Read::Migration(Box::new(Migration {
        kind,
        name: file.name.clone(),
        stamps: style.stamps(&stamped).into_iter().map(|stamp| shared(stamp, &checksum)).collect(),
        up: script(sections.up, &sections.text),
        shown: Arc::clone(&shown),
        checksum: Arc::clone(&checksum),
        down: down.map(Box::new),
        compat: compat(&text),
        version,
        description,
    })))
}

/// The whole of a file, whatever it is called.
pub(super) fn loose(file: &RawFile, shown: &str, kind: Kind) -> Result<Migration, Box<BadFile>> {
    let bad = |problem| Box::new(BadFile { name: shown.to_owned(), problem, place: None });
    let (_, text) = text(file).map_err(bad)?;
    let sections = Plain.read_text(Part::Up, &text, &BTreeMap::new()).map_err(|flaw| flawed(shown, &text, flaw))?;
    let (checksum, shown): (Arc<str>, Arc<str>) = (sha256(&text).into(), shown.into());
    Ok(Migration {
        version: Version::default(),
        kind,
        name: file.name.clone(),
        description: String::new(),
        stamps: Vec::new(),
        up: Script::in_file(origin(file, &checksum), Arc::clone(&shown), sections.up),
        shown,
        checksum,
        down: None,
        compat: None,
    })
}

fn origin(file: &RawFile, sum: &Arc<str>) -> Origin {
    Origin { dir: Arc::clone(&file.dir), name: file.name.as_str().into(), sum: Arc::clone(sum) }
}

/// There are many files, and some tools keep what we keep.
fn shared(stamp: String, checksum: &Arc<str>) -> Arc<str> {
    if *stamp == **checksum { Arc::clone(checksum) } else { stamp.into() }
}

fn text(file: &RawFile) -> Result<(&[u8], String), Problem> {
    let raw = file.content.as_deref().map_err(Problem::clone)?;
    let text = std::str::from_utf8(raw).map_err(|error| Problem::NotUtf8 { byte: error.valid_up_to() })?;
    match text.find('\0') {
        Some(byte) => Err(Problem::Nul { byte }),
        None => Ok((raw, normal(text))),
    }
}

fn flawed(shown: &str, text: &str, flaw: Flaw) -> Box<BadFile> {
    let place = Place::in_text(shown, text, flaw.range.start, flaw.range.end);
    let problem = Problem::Flaw { message: flaw.message, hint: flaw.hint };
    Box::new(BadFile { name: shown.to_owned(), problem, place: Some(Box::new(place)) })
}

/// `migrations` are ordered, and most styles order by version, so twins are neighbours; where they are not, they are looked for.
fn twins(migrations: &[Migration]) -> Vec<BadFile> {
    let mut sorted: Vec<_> = migrations.iter().collect();
    sorted.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.name.cmp(&b.name)));
    let pairs = sorted.windows(2).filter(|pair| pair[0].version == pair[1].version);
    pairs
        .map(|pair| BadFile {
            name: pair[1].shown.to_string(),
            problem: Problem::SameVersion { version: pair[1].version.clone(), other: pair[0].shown.to_string() },
            place: None,
        })
        .collect()
}
