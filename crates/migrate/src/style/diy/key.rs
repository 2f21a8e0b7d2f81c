//! What of a file's name a column may hold.

use crate::{
    Problem, Version,
    style::{Named, Part, Plain, Style},
};
use std::fmt;

/// What of a file's name a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// `0001_init.sql`
    Name,
    /// `0001_init`
    Stem,
    /// `0001`
    Prefix,
    /// `1`
    Number,
    /// `init_it`
    Rest,
    /// `init it`
    Words,
}

/// Those that tell one file from all others.
pub(super) const IDENTITIES: [Key; 4] = [Key::Name, Key::Stem, Key::Prefix, Key::Number];

/// All of them.
pub(super) const ALL: [Key; 6] = [Key::Name, Key::Stem, Key::Prefix, Key::Number, Key::Rest, Key::Words];

impl Key {
    /// What it is of the file `name`; nothing when the name has no such thing.
    pub(super) fn of(self, name: &str) -> Option<String> {
        let stem = stem(name);
        let prefix = || Version::of(stem).map(|version| version.text().to_owned());
        let rest = || {
            let digits = Version::of(stem).map_or(0, |version| version.text().len());
            stem[digits..].trim_start_matches(['_', '-', '.', ' ']).to_owned()
        };
        match self {
            Key::Name => Some(name.to_owned()),
            Key::Stem => Some(stem.to_owned()),
            Key::Prefix => prefix(),
            Key::Number => prefix().map(|digits| match digits.trim_start_matches('0') {
                "" => "0".to_owned(),
                digits => digits.to_owned(),
            }),
            Key::Rest => Some(rest()),
            Key::Words => Some(rest().replace('_', " ")),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Key::Name => "the file's name",
            Key::Stem => "the file's name without its ending",
            Key::Prefix => "the file's number as it is written",
            Key::Number => "the file's number",
            Key::Rest => "what follows the number in the file's name",
            Key::Words => "what follows the number in the file's name, in words",
        })
    }
}

/// Without `.sql`, `.up.sql` and the like.
fn stem(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let ending = [".down.sql", ".rollback.sql", ".up.sql", ".sql"].into_iter().find(|ending| lower.ends_with(ending));
    &name[..name.len() - ending.map_or(0, str::len)]
}

/// As our own style reads it, and names without a number too: they are their own version.
pub(super) fn read_name(name: &str) -> Named {
    match Plain.read_name(name) {
        Named::Bad(Problem::NoVersion) => {
            let stem = stem(name);
            let lower = name.to_ascii_lowercase();
            let down = [".down.sql", ".rollback.sql"].iter().any(|ending| lower.ends_with(ending));
            let part = if down { Part::Down } else { Part::Up };
            Named::Migration { version: Version::from(stem), description: stem.replace('_', " "), part }
        }
        named => named,
    }
}
