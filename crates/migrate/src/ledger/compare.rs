//! Files, ledger and history side by side.

use super::{End, Row, conflict::Difference};
use crate::{Migration, Version, directory::Directory, history::Entry as Recorded, migration::Kind};
use std::collections::BTreeMap;

/// A migration: its file, the row that tells about it and what our history has of it; one of the first two is there.
#[derive(Clone, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) file: Option<&'a Migration>,
    pub(crate) row: Option<&'a Row>,
    pub(crate) recorded: Option<&'a Recorded>,
    pub(crate) place: Where,
}

/// How file and row stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// Both are there and the content is the same, as far as it can be compared.
    Applied {
        /// Nothing was kept to compare it with.
        unverified: bool,
    },
    /// There is no row, and no newer one either.
    Pending,
    /// There is no row, but one of a later migration.
    Late,
    /// A repeatable one that has changed since.
    Again,
    /// Edited after it was applied.
    Changed(Difference),
    /// Applied under another name or number.
    Renamed,
    /// Applied, and there is no file.
    Missing,
    /// The same, and it is newer than every file.
    Newer {
        /// Its release has said that this one may run on it.
        allowed: bool,
    },
    /// Begun, and it did not end.
    Begun,
    /// Begun by us, and our journal knows how far it got: the next run goes on with it.
    Resumes,
    /// Begun by us under another name, by which alone our journal knows how far it got.
    BegunAs(String),
    /// In the ledger, and our journal knows that some of it was undone.
    UndoneInPart,
}

/// Everything that is compared.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) rows: &'a [Row],
    pub(crate) recorded: &'a [Recorded],
    /// The texts of changed ones as they were applied, by name, as far as they are kept.
    pub(crate) texts: &'a BTreeMap<String, String>,
}

/// Every migration as it stands, in the order of the files; what has no file comes where its version belongs. `differ` tells
/// how a file differs from its text as it was applied, as far as that is kept.
pub(crate) fn compare<'a>(
    sides: Sides<'a>,
    differ: impl Fn(&Migration, Option<&str>) -> Difference,
) -> Vec<Standing<'a>> {
    let known = Known::of(sides.recorded);
    let mut standings = versioned(sides, &known);
    standings.extend(repeatable(sides, &known));
    let newest_file = sides.directory.newest();
    for standing in &mut standings {
        standing.place = place(standing, newest_file, &differ, sides.texts);
    }
    let newest_row = standings.iter().rposition(Standing::is_in_ledger).unwrap_or(0);
    for standing in &mut standings[..newest_row] {
        if standing.place == Where::Pending && standing.kind() == Kind::Versioned {
            standing.place = Where::Late;
        }
    }
    standings
}

/// Pairs by version first; what is left over pairs by content: then the file was given another number.
fn versioned<'a>(sides: Sides<'a>, recorded: &Known<'a>) -> Vec<Standing<'a>> {
    let files = &sides.directory.migrations;
    let by_version: BTreeMap<&Version, &Row> =
        sides.rows.iter().filter_map(|row| Some((row.version.as_ref()?, row))).collect();
    let known: BTreeMap<&Version, &Migration> = files.iter().map(|file| (&file.version, file)).collect();
    let mut spare: Vec<&Row> = sides
        .rows
        .iter()
        .filter(|row| row.version.as_ref().is_some_and(|version| !known.contains_key(version)))
        .collect();
    let floor = sides.rows.iter().filter(|row| row.end == End::Baseline).filter_map(|row| row.version.as_ref()).max();
    let base = sides.rows.iter().find(|row| row.end == End::Baseline && row.version.as_ref() == floor);
    let mut standings: Vec<_> = files
        .iter()
        .map(|file| {
            let row = by_version.get(&file.version).copied();
            let moved = || position_of(&spare, file).map(|at| spare.remove(at));
            let below = || base.filter(|_| floor.is_some_and(|floor| file.version <= *floor));
            standing(Some(file), row.or_else(moved).or_else(below), recorded)
        })
        .collect();
    for row in spare.into_iter().filter(|row| row.end != End::Baseline) {
        let later = |other: &Standing<'_>| other.file.is_some_and(|file| Some(&file.version) > row.version.as_ref());
        let at = standings.iter().position(later).unwrap_or(standings.len());
        standings.insert(at, standing(None, Some(row), recorded));
    }
    standings
}

fn position_of(spare: &[&Row], file: &Migration) -> Option<usize> {
    let same = |row: &&Row| row.stamp.as_ref().is_some_and(|stamp| file.is_stamped(stamp));
    spare.iter().position(same)
}

fn repeatable<'a>(sides: Sides<'a>, recorded: &Known<'a>) -> Vec<Standing<'a>> {
    let row_of = |file: &Migration| {
        let names = [file.name.as_str(), file.description.as_str()];
        sides
            .rows
            .iter()
            .rev()
            .find(|row| row.version.is_none() && row.name.as_deref().is_some_and(|it| names.contains(&it)))
    };
    sides.directory.repeatables.iter().map(|file| standing(Some(file), row_of(file), recorded)).collect()
}

fn standing<'a>(file: Option<&'a Migration>, row: Option<&'a Row>, recorded: &Known<'a>) -> Standing<'a> {
    let recorded = match (file, row.and_then(|row| row.version.as_ref())) {
        (Some(file), _) if file.kind == Kind::Versioned => recorded.versioned.get(&file.version),
        (Some(file), _) => recorded.others.get(&(file.kind.word(), file.name.as_str())),
        (None, Some(version)) => recorded.versioned.get(version),
        (None, None) => None,
    };
    Standing { file, row, recorded: recorded.copied(), place: Where::Pending }
}

/// Our history by version, and by kind and name where there is none; of several entries the last one.
struct Known<'a> {
    versioned: BTreeMap<&'a Version, &'a Recorded>,
    others: BTreeMap<(&'static str, &'a str), &'a Recorded>,
}

impl<'a> Known<'a> {
    fn of(recorded: &'a [Recorded]) -> Self {
        let (versioned, others): (Vec<_>, Vec<_>) = recorded.iter().partition(|it| it.kind == Kind::Versioned);
        Self {
            versioned: versioned.into_iter().map(|it| (&it.version, it)).collect(),
            others: others.into_iter().map(|it| ((it.kind.word(), it.name.as_str()), it)).collect(),
        }
    }
}

fn place(
    standing: &Standing<'_>,
    newest_file: Option<&Version>,
    differ: &impl Fn(&Migration, Option<&str>) -> Difference,
    texts: &BTreeMap<String, String>,
) -> Where {
    match (standing.file, standing.row) {
        (Some(_), Some(row)) if row.end == End::Begun => Where::Begun,
        (Some(file), _) if file.kind != Kind::Versioned => match standing.repeats() {
            Some(true) => Where::Applied { unverified: false },
            Some(false) => Where::Again,
            None => Where::Pending,
        },
        (Some(file), Some(row)) => both(standing, file, row, differ, texts),
        (Some(_), None) => Where::Pending,
        (None, _) => gone(standing, newest_file),
    }
}

fn both(
    standing: &Standing<'_>,
    file: &Migration,
    row: &Row,
    differ: &impl Fn(&Migration, Option<&str>) -> Difference,
    texts: &BTreeMap<String, String>,
) -> Where {
    if row.end == End::Baseline {
        return Where::Applied { unverified: true };
    }
    if row.version.as_ref() != Some(&file.version) {
        return Where::Renamed;
    }
    match standing.same() {
        Some(false) => Where::Changed(differ(file, texts.get(&file.name).map(String::as_str))),
        same => match &row.name {
            Some(name) if *name != file.name && *name != file.description => Where::Renamed,
            _ => Where::Applied { unverified: same.is_none() },
        },
    }
}

fn gone(standing: &Standing<'_>, newest_file: Option<&Version>) -> Where {
    let version = standing.row.and_then(|row| row.version.as_ref());
    match (version, newest_file) {
        (Some(version), Some(newest)) if version < newest => Where::Missing,
        (_, newest) => {
            let floor = standing.recorded.and_then(|recorded| recorded.compat.as_ref());
            let allowed = floor.zip(newest).is_some_and(|(floor, newest)| newest >= floor);
            Where::Newer { allowed }
        }
    }
}

/// The newest applied migration once the one of `version` is undone.
pub(crate) fn previous<'a>(standings: &[Standing<'a>], version: &Version) -> Option<&'a Migration> {
    let mut applied = standings.iter().filter(|it| it.is_in_ledger()).filter_map(|it| it.file);
    applied.rfind(|file| file.version < *version)
}

impl Standing<'_> {
    /// Of the file, or of the row.
    pub(crate) fn kind(&self) -> Kind {
        match (self.file, self.row) {
            (Some(file), _) => file.kind,
            (None, Some(row)) if row.version.is_none() => Kind::Repeatable,
            (None, _) => Kind::Versioned,
        }
    }

    /// Has the ledger a row of it, and does it count among those that have an order?
    pub(crate) fn is_in_ledger(&self) -> bool {
        self.row.is_some() && self.kind() == Kind::Versioned
    }

    /// Does the ledger not have it as ended, so that our journal may know more?
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(self.place, Where::Pending | Where::Late | Where::Begun)
    }

    /// Is it done in part, as our journal has it, which lists the `open` ones by name?
    pub(crate) fn resume(&mut self, open: &[String]) {
        let is_open = self.file.is_some_and(|file| open.contains(&file.name));
        let goes_on = match self.kind() {
            Kind::Versioned => self.is_unfinished(),
            // Whatever else became of it, it is applied again anyway.
            Kind::Repeatable => self.place == Where::Begun,
            Kind::Seed | Kind::ByHand | Kind::Implied => false,
        };
        if is_open && goes_on {
            self.place = Where::Resumes;
        }
    }

    /// Is some of it undone, as our journal has it, which lists those by name?
    pub(crate) fn undone_in_part(&mut self, open: &[String]) {
        if self.is_in_ledger() && open.contains(&self.name()) {
            self.place = Where::UndoneInPart;
        }
    }

    /// Is it what was begun under another name: of its number, or under another number as what it is?
    pub(crate) fn begun_as(&mut self, name: &str, version: &Version, description: &str) {
        let same =
            |file: &&Migration| file.version == *version || !description.is_empty() && file.description == description;
        let is_new = matches!(self.place, Where::Pending | Where::Late) && self.kind() == Kind::Versioned;
        if is_new && self.file.as_ref().is_some_and(same) {
            self.place = Where::BegunAs(name.to_owned());
        }
    }

    /// Of the file, or of the row; nothing for a repeatable one.
    pub(crate) fn version(&self) -> Option<&Version> {
        match self.file {
            Some(file) => Some(&file.version).filter(|_| file.kind == Kind::Versioned),
            None => self.row.and_then(|row| row.version.as_ref()),
        }
    }

    /// Is the content of the file what was applied? Nothing when nothing was kept to compare it with.
    fn same(&self) -> Option<bool> {
        let file = self.file?;
        match self.row.and_then(|row| row.stamp.as_ref()) {
            Some(stamp) if !file.stamps.is_empty() => Some(file.is_stamped(stamp)),
            _ => self.recorded.map(|recorded| recorded.checksum == *file.checksum),
        }
    }

    /// Has a repeatable one been applied as it is now? Nothing when it has not been applied at all.
    fn repeats(&self) -> Option<bool> {
        match (self.row, self.recorded) {
            (None, None) => None,
            _ => Some(self.same().unwrap_or(false)),
        }
    }
}

#[cfg(test)]
mod tests;
