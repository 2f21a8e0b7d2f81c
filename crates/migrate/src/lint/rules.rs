//! Which rules are looked at, and what the size of a table means for them.

use super::squawk;
use std::collections::BTreeSet;

/// Our own rules, where squawk has none or knows less.
pub(crate) const OWN: [&str; 8] = [
    CANNOT_RUN,
    ENUM_VALUE_USED,
    LOCKS_TWO_TABLES,
    MISSING_DOWN,
    MIXED_TRANSACTION,
    NO_STATEMENT,
    SYNTAX,
    WRITE_WITHOUT_WHERE,
];

/// What `up` would refuse to run.
pub(crate) const CANNOT_RUN: &str = "cannot-run";
/// A new value of an enum is used before it is committed.
pub(crate) const ENUM_VALUE_USED: &str = "enum-value-used";
/// Two tables are locked against everybody until the file is done.
pub(crate) const LOCKS_TWO_TABLES: &str = "locks-two-tables";
/// There is nothing that undoes it.
pub(crate) const MISSING_DOWN: &str = "missing-down";
/// A statement that cannot run in a transaction has company.
pub(crate) const MIXED_TRANSACTION: &str = "mixed-transaction";
/// It does nothing.
pub(crate) const NO_STATEMENT: &str = "no-statement";
/// squawk's parser does not understand it.
pub(crate) const SYNTAX: &str = "syntax-error";
/// Every row of a big table is written at once.
pub(crate) const WRITE_WITHOUT_WHERE: &str = "write-without-where";

/// squawk's own way of telling that a comment names a rule that it has not.
pub(super) const UNUSED_IGNORE: &str = "unused-ignore";

/// Rules of squawk that are looked at only when asked for.
const LEFT_OUT: [&str; 14] = [
    // The runner remembers each file or statement: nothing is run twice, and an index that was left invalid is built anew.
    "prefer-robust-stmts",
    // The runner sets them.
    "require-lock-timeout",
    "require-statement-timeout",
    // Ours say the same and more: `cannot-run`, `mixed-transaction`.
    "ban-concurrent-index-creation-in-transaction",
    "ban-uncommitted-transaction",
    "transaction-nesting",
    // What type a column has is a matter of taste, or of the data.
    "ban-char-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-text-field",
    "prefer-timestamp-tz",
    // The order of an enum matters to few.
    "require-enum-value-ordering",
    // Where names are looked up is set for the whole run.
    "require-table-schema",
];

/// Rules about locks that are held, and rows that are read or written: harmless where there are few.
const BY_SIZE: [&str; 15] = [
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-serial-primary-key-field",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "prefer-repack",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
    "require-lock-timeout",
    "require-statement-timeout",
    LOCKS_TWO_TABLES,
];

/// What the size of a table means for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Nothing: it cannot work, whatever the size.
    Error,
    /// Nothing: whoever uses the table is hit, whatever its size.
    Any,
    /// A few rows make it a note.
    BySize,
    /// One row is enough.
    NotEmpty,
    /// On a small table there is nothing to tell.
    BigOnly,
    /// Worth knowing at most.
    Note,
}

/// What the size of a table means for this rule.
pub(crate) fn weight(rule: &str) -> Weight {
    match rule {
        CANNOT_RUN => Weight::Error,
        MISSING_DOWN => Weight::Note,
        WRITE_WITHOUT_WHERE => Weight::BigOnly,
        "adding-required-field" => Weight::NotEmpty,
        rule if BY_SIZE.contains(&rule) => Weight::BySize,
        _ => Weight::Any,
    }
}

/// The rules that are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules(BTreeSet<String>);

impl Rules {
    /// The ones by default, with and without these; what is excluded is out in any case.
    ///
    /// # Errors
    /// A name that no rule has.
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self, String> {
        let mut rules: BTreeSet<String> = squawk::defaults().into_iter().chain(OWN.map(str::to_owned)).collect();
        rules.retain(|name| !LEFT_OUT.contains(&name.as_str()));
        for name in include {
            rules.extend(known(name)?);
        }
        for name in exclude {
            let out = known(name)?;
            rules.retain(|rule| !out.contains(rule));
        }
        Ok(Self(rules))
    }

    /// Is it looked at?
    pub(crate) fn has(&self, rule: &str) -> bool {
        self.0.contains(rule)
    }

    /// Those of squawk.
    pub(crate) fn squawks(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|name| !OWN.contains(name))
    }
}

/// The rules of a name, as they call themselves.
fn known(name: &str) -> Result<Vec<String>, String> {
    if OWN.contains(&name) {
        return Ok(vec![name.to_owned()]);
    }
    let rules = squawk::named(name);
    if rules.is_empty() { Err(name.to_owned()) } else { Ok(rules) }
}
