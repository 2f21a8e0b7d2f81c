//! What a file holds that may be worth telling, before anybody has looked how big its tables are.

use crate::quote::identifier;
use std::{fmt, ops::Range};

/// Something that a rule has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The rule's name.
    pub(crate) rule: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// Its bytes in the file.
    pub(crate) range: Range<usize>,
    /// The tables that it is about.
    pub(crate) tables: Vec<Name>,
}

/// What is to be known of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its bytes in the file.
    pub(crate) range: Range<usize>,
    /// The tables that it is about; an index or a view stands for its table.
    pub(crate) tables: Vec<Name>,
    /// The table that it makes.
    pub(crate) creates: Option<Name>,
    /// Does it take ACCESS EXCLUSIVE on `tables`?
    pub(crate) exclusive: bool,
    /// What it is called, when it cannot run in a transaction.
    pub(crate) alone: Option<&'static str>,
    /// The value that it gives to an enum.
    pub(crate) adds_value: Option<Value>,
    /// The type that it makes.
    pub(crate) creates_type: Option<Name>,
    /// `UPDATE` or `DELETE`, when it has no `WHERE`.
    pub(crate) unfiltered: Option<&'static str>,
    /// The quoted texts in it, and where; those in dollars with their quotes.
    pub(crate) texts: Vec<(String, Range<usize>)>,
}

/// A value of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The enum.
    pub(crate) of: Name,
    /// The value.
    pub(crate) label: String,
}

/// The name of a table, with or without a schema, as the database has it: without quotes, in the letters that count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    schema: Option<String>,
    name: String,
}

impl Name {
    /// From its parts; nothing when there are none, or so many that it is in another database.
    pub(crate) fn new(parts: Vec<String>) -> Option<Self> {
        match <[String; 2]>::try_from(parts) {
            Ok([schema, name]) => Some(Self { schema: Some(schema), name }),
            Err(mut parts) if parts.len() == 1 => parts.pop().map(|name| Self { schema: None, name }),
            Err(_) => None,
        }
    }

    /// May both be the same table? Without a schema a name may be in any.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let same_schema = match (&self.schema, &other.schema) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        same_schema && self.name == other.name
    }

    /// As SQL names it.
    pub(crate) fn quoted(&self) -> String {
        let name = identifier(&self.name);
        self.schema.as_deref().map_or(name.clone(), |schema| format!("{}.{name}", identifier(schema)))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
