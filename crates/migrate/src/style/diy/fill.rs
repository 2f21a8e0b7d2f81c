//! What is written into the other columns of a home-made table.

use super::{key::Key, moment::Moment, sum::Sum};
use crate::{Migration, style::Table};

/// A column and what is written into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) column: String,
    pub(super) value: Value,
}

/// What is written into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Something of the file's name.
    Key(Key),
    /// When it was applied.
    Now(Moment),
    /// The file's checksum.
    Sum(Sum),
    /// That it succeeded.
    Yes,
}

impl Value {
    /// As SQL; nothing when the file has no such thing.
    pub(super) fn sql(self, table: &Table, migration: &Migration) -> Option<String> {
        match self {
            Value::Key(key) => key.of(&migration.name).map(|text| table.literal(&text)),
            Value::Now(moment) => Some(moment.now(table.dialect).to_owned()),
            Value::Sum(_) => Some(table.literal(migration.stamp())),
            Value::Yes => Some("TRUE".to_owned()),
        }
    }
}

impl Fill {
    /// For people; times explain themselves.
    pub(super) fn told(&self) -> Option<String> {
        let column = &self.column;
        match self.value {
            Value::Key(key) => Some(format!("`{column}` {key}")),
            Value::Sum(sum) => Some(format!("`{column}` {sum}")),
            Value::Now(_) | Value::Yes => None,
        }
    }
}
