//! One change of the schema.

use crate::{MigrateError, Version, script::Script};
use serde::Serialize;
use std::sync::Arc;

/// One change of the schema: a file, or a file for each direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number; empty when it is repeatable.
    pub version: Version,
    /// When it is applied.
    pub kind: Kind,
    /// The name of its file, relative to the directory.
    pub name: String,
    /// The file as the user knows it, for messages: `migrations/0001_init.sql`.
    pub shown: Arc<str>,
    /// What it does, as its style takes it from the name.
    pub description: String,
    /// SHA-256 of its text without byte order mark and with `\n` as the end of line, in hexadecimal.
    pub checksum: Arc<str>,
    /// What the ledger may keep to recognise it by; the first is what is written today.
    pub(crate) stamps: Vec<Arc<str>>,
    /// What is run.
    pub(crate) up: Script,
    /// What undoes it.
    pub(crate) down: Option<Box<Script>>,
    /// Releases that know this migration, or a later one, may run on a schema with ours. None: only those that know ours.
    pub(crate) compat: Option<Version>,
}

/// When a migration is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Once, in the order of the versions.
    #[default]
    Versioned,
    /// After those, whenever it has changed.
    Repeatable,
    /// After all, when asked for, whenever it has changed: data for trying things out.
    Seed,
    /// When a person asks for it.
    ByHand,
    /// By the tool whose ledger it is, as that ledger implies: no file is of this kind, only what our history notes.
    Implied,
}

impl Kind {
    /// As our history and JSON write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Versioned => "versioned",
            Kind::Repeatable => "repeatable",
            Kind::Seed => "seed",
            Kind::ByHand => "by-hand",
            Kind::Implied => "implied",
        }
    }
}

impl Migration {
    /// What the ledger keeps to recognise it by; empty where the style keeps nothing.
    pub(crate) fn stamp(&self) -> &str {
        self.stamps.first().map_or("", |stamp| stamp)
    }

    /// Is it recognised by this?
    pub(crate) fn is_stamped(&self, stamp: &str) -> bool {
        self.stamps.iter().any(|it| **it == *stamp)
    }

    /// The text of what is run and of what undoes it, as they are kept.
    ///
    /// # Errors
    /// They cannot be read any more.
    pub(crate) fn texts(&self) -> Result<(String, Option<String>), MigrateError> {
        let up = self.up.load().map(|text| self.up.kept(&text))?;
        let down = self.down.as_ref().filter(|script| script.is_complete());
        Ok((up, down.map(|script| script.load().map(|text| script.kept_to_undo(&text))).transpose()?))
    }

    /// What is left of one that has no file any more.
    pub(crate) fn ghost(version: Version, name: String) -> Self {
        Self {
            version,
            kind: Kind::Versioned,
            shown: name.as_str().into(),
            up: Script::whole("", name.as_str()),
            name,
            description: String::new(),
            checksum: "".into(),
            stamps: Vec::new(),
            down: None,
            compat: None,
        }
    }
}

/// The floor in a line `-- compat: >=N` at the top of a file, see [`Migration::compat`].
pub(crate) fn compat(text: &str) -> Option<Version> {
    let top = text.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with("--"));
    let floors = top.filter_map(|line| line.trim_start_matches('-').trim().strip_prefix("compat:"));
    floors.filter_map(|floor| Version::of(floor.trim().trim_start_matches(">=").trim())).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_stands_among_the_comments_at_the_top() {
        assert_eq!(compat("-- add a column\n-- compat: >=0007\nalter"), Some(Version::from("7")));
        assert_eq!(compat("-- compat: 20261124\n"), Some(Version::from("20261124")));
        assert_eq!(compat("select 1; -- compat: >=7"), None);
        assert_eq!(compat("-- compat: always"), None);
    }
}
