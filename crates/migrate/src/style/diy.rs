//! Runners that people wrote themselves: a table whose rows say by some column which files were applied. Nothing about it is known
//! before; a reading counts only when it explains every row, and what is written has the form of the rows that are there.

mod explain;
mod fill;
mod key;
mod moment;
mod sum;

pub(crate) use explain::{File, explain, is_candidate, question};

use super::{Flaw, Named, Numbering, Part, Plain, Record, Sections, Stamped, Style, Table};
use crate::{Migration, Version, ledger::Row, quote::identifier};
use fill::{Fill, Value};
use key::Key;
use std::{cmp::Ordering, collections::BTreeMap};
use sum::Sum;

/// A home-made runner's style, as its rows tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diy {
    /// The column that says which file it was, and what of the file's name it holds.
    identity: (String, Key),
    /// Is that column a number?
    number: bool,
    /// The other columns that are written.
    fills: Vec<Fill>,
    /// How many rows it explains: all there are.
    explained: usize,
}

impl Diy {
    /// One sentence for people: what is taken for what.
    fn told(&self) -> String {
        let (column, key) = &self.identity;
        let others: Vec<String> = self.fills.iter().filter_map(Fill::told).collect();
        let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
        format!("`{column}` holds {key}, {0} of {0} rows explained{others}", self.explained)
    }

    /// The condition that a row is about this migration.
    fn about(&self, table: &Table, migration: &Migration) -> String {
        let (column, key) = &self.identity;
        let text = key.of(&migration.name).unwrap_or_default();
        format!("{} = {}", identifier(column), self.literal(table, &text))
    }

    fn literal(&self, table: &Table, text: &str) -> String {
        match self.number && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.to_owned(),
            false => table.literal(text),
        }
    }

    fn sum(&self) -> Option<(&str, Sum)> {
        self.fills.iter().find_map(|fill| match fill.value {
            Value::Sum(sum) => Some((fill.column.as_str(), sum)),
            _ => None,
        })
    }

    /// The version of the file that a row is about; of one that is not there any more, as its name would have it.
    fn version(&self, text: &str, files: &[Migration]) -> Version {
        let (_, key) = &self.identity;
        if let Some(file) = files.iter().find(|file| key.of(&file.name).as_deref() == Some(text)) {
            return file.version.clone();
        }
        let name = if text.ends_with(".sql") { text.to_owned() } else { format!("{text}.sql") };
        match self.read_name(&name) {
            Named::Migration { version, .. } => version,
            _ => Version::from(text),
        }
    }
}

impl Style for Diy {
    fn name(&self) -> &'static str {
        "diy"
    }

    /// As our own, and names without a number too.
    fn read_name(&self, name: &str) -> Named {
        key::read_name(name)
    }

    fn read_text<'t>(&self, part: Part, text: &'t str, vars: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        Plain.read_text(part, text, vars)
    }

    /// As a list of names is sorted.
    fn order(&self, a: &Migration, b: &Migration) -> Ordering {
        a.name.cmp(&b.name)
    }

    fn stamps(&self, file: &Stamped<'_>) -> Vec<String> {
        self.sum().map(|(_, sum)| sum.stamps(file)).unwrap_or_default()
    }

    /// One file: the runner may take a second one for a migration.
    fn skeleton(&self, version: &Version, name: &str, others: &[String]) -> Vec<(String, String)> {
        Plain.skeleton(version, name, others).into_iter().take(1).collect()
    }

    fn numbering(&self) -> Numbering {
        Plain.numbering()
    }

    fn mapping(&self) -> Option<String> {
        Some(self.told())
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        Plain.table()
    }

    /// It is there: its rows have been read.
    fn create(&self, _: &Table) -> Vec<String> {
        Vec::new()
    }

    fn select(&self, table: &Table) -> String {
        let stamp = self.sum().map_or_else(|| "NULL".to_owned(), |(column, _)| identifier(column));
        let at = self.fills.iter().find_map(|fill| match &fill.value {
            Value::Now(moment) => Some(moment.rfc3339(&identifier(&fill.column), table.dialect)),
            _ => None,
        });
        let (identity, at) = (identifier(&self.identity.0), at.unwrap_or_else(|| "NULL".to_owned()));
        format!("SELECT {identity}, NULL, {stamp}, {at}, NULL, NULL FROM {}", table.quoted())
    }

    fn expand(&self, rows: Vec<Row>, files: &[Migration], _: &[Version]) -> Vec<Row> {
        let version = |row: &Row| row.version.as_ref().map(|text| self.version(text.text(), files));
        rows.into_iter().map(|row| Row { version: version(&row), ..row }).collect()
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let (column, key) = &self.identity;
        let text = key.of(&record.migration.name).unwrap_or_default();
        let mut columns = vec![identifier(column)];
        let mut values = vec![self.literal(table, &text)];
        for fill in &self.fills {
            if let Some(value) = fill.value.sql(table, record.migration) {
                columns.push(identifier(&fill.column));
                values.push(value);
            }
        }
        vec![format!("INSERT INTO {} ({}) VALUES ({})", table.quoted(), columns.join(", "), values.join(", "))]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        vec![format!("DELETE FROM {} WHERE {}", table.quoted(), self.about(table, migration))]
    }

    fn restamp(&self, table: &Table, migration: &Migration) -> Vec<String> {
        let Some((column, _)) = self.sum() else { return Vec::new() };
        vec![format!(
            "UPDATE {} SET {} = {} WHERE {}",
            table.quoted(),
            identifier(column),
            table.literal(migration.stamp()),
            self.about(table, migration),
        )]
    }
}

#[cfg(test)]
mod tests;
