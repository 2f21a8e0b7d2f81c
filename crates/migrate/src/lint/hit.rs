//! What a file holds that may be worth telling, before anybody has looked how big its tables are.

use super::rules::{CANNOT_RUN, MISSING_DOWN, NO_STATEMENT};
use crate::sql::Name;
use std::ops::Range;

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

impl Hit {
    /// Is it about the file, and no spot in it?
    pub(crate) fn is_of_the_whole(&self) -> bool {
        match self.rule.as_str() {
            MISSING_DOWN | NO_STATEMENT => true,
            rule => rule == CANNOT_RUN && self.range.is_empty(),
        }
    }
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

/// May both be the same table? Without a schema a name may be in any.
pub(crate) fn may_be(a: &Name, b: &Name) -> bool {
    let same_schema = match (&a.schema, &b.schema) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    same_schema && a.object == b.object
}
