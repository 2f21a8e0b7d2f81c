//! A row of a ledger.

use crate::Version;

/// A row of a ledger: one migration that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// As the ledger has it; nothing for a repeatable one.
    pub version: Option<Version>,
    /// The file's name or description, where the ledger keeps it.
    pub name: Option<String>,
    /// What the content is recognised by, where the ledger keeps it.
    pub stamp: Option<String>,
    /// When, RFC 3339 in UTC, where the ledger keeps it.
    pub applied_at: Option<String>,
    /// How long it took, in milliseconds, where the ledger keeps it.
    pub duration_ms: Option<i64>,
    /// How it ended.
    pub end: End,
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It was applied.
    #[default]
    Applied,
    /// It was begun and did not end: what of it is in the database, the ledger does not tell.
    Begun,
    /// Not applied but taken as such, with everything before it.
    Baseline,
}

impl Row {
    /// From what a style selects: version, name, stamp, time, milliseconds, and `begun`, `baseline` or nothing.
    pub(crate) fn of<T: AsRef<str>>(cells: &[Option<T>]) -> Self {
        let cell = |index: usize| cells.get(index)?.as_ref().map(T::as_ref);
        let text = |index: usize| cell(index).map(str::to_owned);
        Self {
            version: cell(0).map(Version::from),
            name: text(1),
            stamp: text(2),
            applied_at: text(3),
            duration_ms: cell(4).and_then(|millis| millis.parse().ok()),
            end: match cell(5) {
                Some("begun") => End::Begun,
                Some("baseline") => End::Baseline,
                _ => End::Applied,
            },
        }
    }

    /// As people know it: by its file's name, else by its version.
    pub(crate) fn shown(&self) -> String {
        let version = self.version.as_ref().map(Version::text);
        self.name.as_deref().or(version).unwrap_or("?").to_owned()
    }
}
