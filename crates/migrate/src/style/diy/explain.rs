//! The one reading of a home-made table that explains all its rows.

use super::{
    Diy,
    fill::{Fill, Value},
    key::{self, Key},
    moment::Moment,
    sum::{self, Sum},
};
use crate::{
    engine::Cells,
    quote::identifier,
    sql::Dialect,
    style::{Column, Named, Part, Table},
};
use std::{collections::BTreeMap, fmt};

/// Columns that may say which file a row is about, the most telling one first.
const CANDIDATES: [&str; 6] = ["filename", "name", "migration_name", "migration", "version", "id"];

/// Columns that may repeat something of the file's name.
const NAMES: [&str; 5] = ["file", "file_name", "description", "title", "script"];

const TIMES: [&str; 18] = [
    "applied_at",
    "applied_on",
    "applied",
    "created_at",
    "created_on",
    "created",
    "executed_at",
    "executed_on",
    "executed",
    "installed_at",
    "installed_on",
    "migrated_at",
    "run_at",
    "run_on",
    "ran_at",
    "completed_at",
    "timestamp",
    "date",
];

const SUMS: [&str; 8] = ["checksum", "hash", "sha256", "sha1", "md5", "digest", "file_hash", "content_hash"];

const SUCCESSES: [&str; 5] = ["success", "succeeded", "applied", "executed", "completed"];

const YES: [&str; 3] = ["t", "1", "true"];
const NO: [&str; 3] = ["f", "0", "false"];

/// Rows that a message names.
const NAMED: usize = 3;

/// A file that a row may be about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its bytes; nothing when only our history knows it.
    pub(crate) bytes: Option<&'a [u8]>,
}

/// Why nothing explains the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unexplained {
    /// None of its columns may say which file a row is about.
    NoCandidate,
    /// It has no rows, so that they could tell.
    NoRows,
    /// Rows that no file explains, by the column that explains most.
    Rows { column: String, rows: Vec<String>, total: usize },
    /// The rows fit two readings, and a file that is still to be applied does not.
    Ambiguous { column: String, readings: [String; 2], file: String },
    /// A column that cannot be left out, or must not be, has values of unknown meaning.
    Column { column: String, why: String },
}

/// SQL that reads everything that [`explain`] wants to know.
pub(crate) fn question(table: &Table) -> String {
    let columns: Vec<_> = table.names().into_iter().map(identifier).collect();
    format!("SELECT {} FROM {}", columns.join(", "), table.quoted())
}

/// May it be a ledger at all?
pub(crate) fn is_candidate(table: &Table) -> bool {
    table.names().iter().any(|name| CANDIDATES.contains(name))
}

/// The one reading that explains every row.
///
/// # Errors
/// What is not explained, or explained in two ways.
pub(crate) fn explain(table: &Table, rows: &[Cells], files: &[File<'_>]) -> Result<Diy, Unexplained> {
    let ups = |file: &&File<'_>| matches!(key::read_name(file.name), Named::Migration { part: Part::Up, .. });
    let files: Vec<File<'_>> = files.iter().filter(ups).copied().collect();
    let view = View { table, rows, files: &files };
    if !is_candidate(table) {
        return Err(Unexplained::NoCandidate);
    }
    if rows.is_empty() {
        return Err(Unexplained::NoRows);
    }
    let (index, key, about) = view.identity()?;
    let mut fills = Vec::new();
    for (at, column) in table.columns.iter().enumerate().filter(|(at, _)| *at != index) {
        let value = view.value(at, column, &about)?;
        fills.extend(value.map(|value| Fill { column: column.name.clone(), value }));
    }
    let column = &table.columns[index];
    Ok(Diy { identity: (column.name.clone(), key), number: is_number(column), fills, explained: rows.len() })
}

struct View<'a> {
    table: &'a Table,
    rows: &'a [Cells],
    files: &'a [File<'a>],
}

/// The file of each row.
type About<'a> = Vec<File<'a>>;

impl<'a> View<'a> {
    fn cell(&self, row: usize, column: usize) -> Option<&'a str> {
        self.rows.get(row)?.get(column)?.as_deref()
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = Option<&'a str>> + use<'a, '_> {
        (0..self.rows.len()).map(move |row| self.cell(row, column))
    }

    /// The first of the candidates that explains every row by one reading.
    fn identity(&self) -> Result<(usize, Key, About<'a>), Unexplained> {
        let place = |name: &&str| self.table.columns.iter().position(|column| column.name == **name);
        let mut closest: Option<(usize, Vec<String>)> = None;
        for index in CANDIDATES.iter().filter_map(place) {
            let mut found: Vec<(Key, About<'a>)> = Vec::new();
            for key in self.keys(index) {
                match self.matched(index, key) {
                    Ok(about) => found.push((key, about)),
                    Err(strange) if closest.as_ref().is_none_or(|(_, rows)| strange.len() < rows.len()) => {
                        closest = Some((index, strange));
                    }
                    Err(_) => {}
                }
            }
            self.alike(index, &found.iter().map(|(key, _)| *key).collect::<Vec<_>>())?;
            if let Some((key, about)) = found.into_iter().next() {
                return Ok((index, key, about));
            }
        }
        let (index, mut rows) = closest.unwrap_or_default();
        let total = rows.len();
        rows.truncate(NAMED);
        Err(Unexplained::Rows { column: self.table.columns[index].name.clone(), rows, total })
    }

    /// A number is no name; one that PostgreSQL counts itself says nothing about files.
    fn keys(&self, index: usize) -> Vec<Key> {
        let column = &self.table.columns[index];
        match (is_number(column), column.name.as_str()) {
            (true, "id") if self.table.dialect == Dialect::Postgres && !column.needed => Vec::new(),
            (true, _) => vec![Key::Number],
            (false, _) => key::IDENTITIES.to_vec(),
        }
    }

    /// The file of each row, each another one; or the rows that have none of their own.
    fn matched(&self, index: usize, key: Key) -> Result<About<'a>, Vec<String>> {
        let mut by_text: BTreeMap<String, Vec<File<'a>>> = BTreeMap::new();
        for file in self.files {
            by_text.entry(key.of(file.name).unwrap_or_default()).or_default().push(*file);
        }
        let (mut about, mut strange) = (Vec::new(), Vec::new());
        for cell in self.cells(index) {
            match cell.and_then(|text| by_text.remove(text)).as_deref() {
                Some([file]) => about.push(*file),
                _ => strange.push(cell.unwrap_or("NULL").to_owned()),
            }
        }
        if strange.is_empty() { Ok(about) } else { Err(strange) }
    }

    /// Two readings that fit all rows have to fit all files too: else nobody knows what to write for the others.
    fn alike(&self, index: usize, keys: &[Key]) -> Result<(), Unexplained> {
        let [first, others @ ..] = keys else { return Ok(()) };
        for other in others {
            if let Some(file) = self.files.iter().find(|file| first.of(file.name) != other.of(file.name)) {
                let column = self.table.columns[index].name.clone();
                let readings = [first.to_string(), other.to_string()];
                return Err(Unexplained::Ambiguous { column, readings, file: file.name.to_owned() });
            }
        }
        Ok(())
    }

    /// What is written into a column; nothing when it can be left to the database.
    fn value(&self, index: usize, column: &Column, about: &About<'a>) -> Result<Option<Value>, Unexplained> {
        let name = column.name.as_str();
        let value = match name {
            _ if SUMS.contains(&name) => return self.sum(index, column, about),
            _ if SUCCESSES.contains(&name) && self.is_yes_no(index) => return self.success(index, column),
            _ if self.counts_itself(index, column) => return Ok(None),
            _ if TIMES.contains(&name) => self.moment(index, column),
            _ if CANDIDATES.contains(&name) || NAMES.contains(&name) => self.of_name(index, about),
            _ => None,
        };
        match value {
            None if column.needed => Err(unknown(column, self.cells(index).flatten().next())),
            value => Ok(value),
        }
    }

    /// An `id` that the database gives: on SQLite it cannot be seen whether it does, but 1, 2, 3 is what it would give.
    fn counts_itself(&self, index: usize, column: &Column) -> bool {
        let counted = || (1..).zip(self.cells(index)).all(|(number, cell)| cell == Some(number.to_string().as_str()));
        let may = match self.table.dialect {
            Dialect::Postgres => is_number(column),
            Dialect::Sqlite => column.kind.eq_ignore_ascii_case("integer") && counted(),
        };
        column.name == "id" && !column.needed && may
    }

    fn moment(&self, index: usize, column: &Column) -> Option<Value> {
        let values: Vec<&str> = self.cells(index).flatten().collect();
        Moment::of(column, self.table.dialect, &values).map(Value::Now)
    }

    /// Whatever of the files' names all its values are.
    fn of_name(&self, index: usize, about: &About<'a>) -> Option<Value> {
        let holds = |key: &Key| {
            let mut pairs = self.cells(index).zip(about);
            pairs.all(|(cell, file)| cell.is_none() || cell == key.of(file.name).as_deref())
        };
        let any = self.cells(index).any(|cell| cell.is_some());
        key::ALL.into_iter().filter(|_| any).find(holds).map(Value::Key)
    }

    /// The algorithm that some row proves; what others have then is for the comparison of files and ledger.
    fn sum(&self, index: usize, column: &Column, about: &About<'a>) -> Result<Option<Value>, Unexplained> {
        let proves = |sum: &Sum| {
            let mut pairs = self.cells(index).zip(about);
            pairs.any(|(cell, file)| cell.is_some() && cell == file.bytes.map(|bytes| sum.of(bytes)).as_deref())
        };
        let found: Vec<Sum> = sum::ALL.into_iter().filter(proves).collect();
        let Some(first) = found.first() else {
            return match self.cells(index).flatten().next() {
                None if !column.needed => Ok(None),
                value => Err(unknown(column, value)),
            };
        };
        let differs = |sum: &Sum, file: &File<'_>| file.bytes.is_some_and(|bytes| sum.of(bytes) != first.of(bytes));
        let strange = found.iter().find_map(|sum| self.files.iter().find(|file| differs(sum, file)));
        match strange {
            None => Ok(Some(Value::Sum(*first))),
            Some(file) => Err(Unexplained::Ambiguous {
                column: column.name.clone(),
                readings: ["the checksum of the bytes".into(), "that of the text with `\\n`".into()],
                file: file.name.to_owned(),
            }),
        }
    }

    fn is_yes_no(&self, index: usize) -> bool {
        self.cells(index).flatten().all(|cell| YES.contains(&cell) || NO.contains(&cell))
    }

    /// Nothing is known of what failed.
    fn success(&self, index: usize, column: &Column) -> Result<Option<Value>, Unexplained> {
        let failed = self.cells(index).flatten().find(|cell| NO.contains(cell));
        match failed {
            Some(failed) => Err(unknown(column, Some(failed))),
            None => Ok(Some(Value::Yes)),
        }
    }
}

fn unknown(column: &Column, value: Option<&str>) -> Unexplained {
    let why = match value {
        Some(value) => format!("nobody here knows how `{value}` came about"),
        None => "it must have a value, and nobody here knows which".to_owned(),
    };
    Unexplained::Column { column: column.name.clone(), why }
}

fn is_number(column: &Column) -> bool {
    let kind = column.kind.to_ascii_lowercase();
    ["int", "serial", "numeric"].iter().any(|word| kind.contains(word)) && !kind.contains("interval")
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCandidate => f.write_str("none of its columns can say which file a row is about"),
            Self::NoRows => f.write_str(
                "it has no rows, which would tell what its columns mean: let its own runner apply the first file",
            ),
            Self::Rows { column, rows, total } => {
                let shown: Vec<_> = rows.iter().map(|row| format!("`{row}`")).collect();
                write!(f, "no file explains {} in `{column}`: {}", report::count(*total, "row"), shown.join(", "))?;
                if *total > rows.len() { write!(f, " and {} more", total - rows.len()) } else { Ok(()) }
            }
            Self::Ambiguous { column, readings: [one, other], file } => {
                write!(f, "`{column}` may hold {one} or {other}, which is not the same for `{file}`")
            }
            Self::Column { column, why } => write!(f, "the column `{column}`: {why}"),
        }
    }
}
