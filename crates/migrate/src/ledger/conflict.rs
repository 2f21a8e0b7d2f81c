//! What stands in the way of applying anything, and the ways out.

use crate::Version;
use std::fmt;

/// Files and ledger disagree about a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Edited after it was applied.
    Changed {
        /// The file.
        file: String,
        /// Its name when it was applied, where the ledger keeps it.
        name: Option<String>,
        /// When it was applied, where the ledger keeps it.
        applied_at: Option<String>,
        /// In what it differs.
        difference: Difference,
    },
    /// The same file under another name or number.
    Renamed {
        /// As it is called now.
        file: String,
        /// As it was called when it was applied.
        name: String,
        /// When it was applied, where the ledger keeps it.
        applied_at: Option<String>,
    },
    /// Applied, and no longer there.
    Missing {
        /// What is left of it.
        name: String,
        /// When it was applied, where the ledger keeps it.
        applied_at: Option<String>,
    },
    /// Applied by a newer release, which has not said that this one may run on its schema.
    Newer {
        /// What is left of it.
        name: String,
        /// When it was applied, where the ledger keeps it.
        applied_at: Option<String>,
        /// The least migration that a release must know, if the newer one said one.
        floor: Option<Version>,
    },
    /// New, but older than one that is already applied.
    OutOfOrder {
        /// The file.
        file: String,
        /// The newest applied one.
        newest: String,
    },
    /// Begun by a tool that keeps no journal of it, and not ended.
    Begun {
        /// The file or what the ledger calls it.
        name: String,
        /// The tool whose mark it is.
        tool: &'static str,
    },
    /// Done in part under another name.
    BegunAs {
        /// As it is called now.
        file: String,
        /// As it was called when it was begun.
        was: String,
        /// Its version now.
        version: Version,
    },
    /// Applied, and some of it was undone.
    UndoneInPart {
        /// The file or what the ledger calls it.
        name: String,
        /// Its version.
        version: Version,
    },
}

/// In what a file differs from what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Ends of lines and byte order marks.
    LineEnds,
    /// Blanks and comments.
    Layout,
    /// What it does.
    Real {
        /// Line by line.
        diff: String,
    },
    /// There was nothing in it to be run, and now there is.
    Filled {
        /// Its version.
        version: Version,
    },
    /// What was applied is not kept, only its checksum.
    Unknown,
}

impl Difference {
    /// Does the file still do what was applied?
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Difference::LineEnds | Difference::Layout)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::LineEnds => "only the ends of its lines differ",
            Difference::Layout => "only blanks and comments differ",
            Difference::Real { .. } => "it does something else now",
            Difference::Filled { .. } => "there was no statement in it when it was applied",
            Difference::Unknown => "what was applied is not kept, only its checksum",
        })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conflict::Changed { file, name, applied_at, .. } => {
                write!(f, "`{file}` was edited after it was applied")?;
                match name {
                    Some(name) if !file.ends_with(name.as_str()) => write!(f, " as `{name}`"),
                    _ => Ok(()),
                }?;
                f.write_str(&when(applied_at))
            }
            Conflict::Renamed { file, name, applied_at } => {
                write!(f, "`{file}` was applied as `{name}`{} and renamed since", when(applied_at))
            }
            Conflict::Missing { name, applied_at } => {
                write!(f, "`{name}` was applied{} and its file is missing", when(applied_at))
            }
            Conflict::Newer { name, applied_at, floor } => {
                write!(f, "`{name}` was applied{} and is newer than every file here: ", when(applied_at))?;
                match floor {
                    None => f.write_str("the database is ahead of this release"),
                    Some(floor) => write!(f, "it says that a release must know {floor} to run on it"),
                }
            }
            Conflict::OutOfOrder { file, newest } => {
                write!(f, "`{file}` is new but older than `{newest}`, which is already applied")
            }
            // Its only row has the version that undoing would have led to.
            Conflict::Begun { name, tool: "golang-migrate" } => write!(
                f,
                "`{name}`, or what undoes the one after it, was begun and did not end: golang-migrate calls its version dirty"
            ),
            Conflict::Begun { name, tool } => {
                write!(f, "`{name}` was begun and did not end: {tool} calls it dirty")
            }
            Conflict::BegunAs { file, was, .. } => {
                write!(f, "`{file}` was begun as `{was}`, is done in part, and was renamed since")
            }
            Conflict::UndoneInPart { name, .. } => {
                write!(f, "`{name}` was undone in part: what undoes it was begun and did not end")
            }
        }
    }
}

fn when(applied_at: &Option<String>) -> String {
    applied_at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default()
}

impl Conflict {
    /// What was seen beyond the sentence: the lines that differ.
    pub fn seen(&self) -> Option<String> {
        match self {
            Conflict::Changed { difference: Difference::Real { diff }, .. } => Some(format!("it was changed:\n{diff}")),
            Conflict::Changed { difference, .. } => Some(difference.to_string()),
            _ => None,
        }
    }

    /// The ways out.
    pub fn hint(&self) -> String {
        match self {
            Conflict::Changed { file, difference: Difference::Filled { version }, .. } => format!(
                "put what is new into a new migration; or take `{file}` for not applied and apply it: `mainstay migrate repair \
                 --forget {version} --yes`, then `mainstay migrate up --out-of-order`"
            ),
            Conflict::Changed { file, .. } => format!(
                "bring back `{file}` as it was and write a new migration; or, when the database has the new form already: \
                 `mainstay migrate repair`"
            ),
            Conflict::Renamed { name, .. } => format!("rename it back to `{name}`, or `mainstay migrate repair`"),
            Conflict::Missing { name, .. } => format!(
                "bring back `{name}`; or allow it with `missing = \"allow\"` in `[migrations]`; or take its row out with \
                 `mainstay migrate repair`"
            ),
            Conflict::Newer { .. } => {
                "release the version that has this file; or undo it with `mainstay migrate down`; or \
                 restore the backup that was taken before it"
                    .to_owned()
            }
            Conflict::OutOfOrder { file, newest } => format!(
                "give `{file}` a number after `{newest}`; or apply it all the same with `--out-of-order`; or, when it was \
                 applied by hand, `mainstay migrate baseline`"
            ),
            Conflict::BegunAs { was, version, .. } => format!(
                "rename it back to `{was}`: the next run goes on with it; or, when nothing of it is in the database: `mainstay \
                 migrate repair --forget {version}`"
            ),
            Conflict::UndoneInPart { version, .. } => format!(
                "`mainstay migrate down` goes on with it; or, when all of it is in the database again: `mainstay migrate repair \
                 --applied {version}`"
            ),
            Conflict::Begun { .. } => "look what of it is in the database, then `mainstay migrate repair`".to_owned(),
        }
    }
}
