//! What a hit is worth telling, once it is known how big its tables are and whether anybody can be using them yet.

use super::{
    hit::{Hit, may_be},
    rules::{Weight, weight},
    size::{Sizes, TableSize},
};
use crate::sql::Name;
use report::{Finding, Severity};

/// What is known about tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// How big they are; nothing when no database was asked.
    pub(super) sizes: Option<Sizes>,
    /// Those that are made by files which are looked at and not applied yet, and by which one.
    pub(super) fresh: Vec<(Name, String)>,
}

/// What is told about one hit; the place is added by who knows the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) finding: Finding,
    /// The tables whose sizes it rests on.
    pub(super) tables: Vec<TableSize>,
}

/// How big what it is about is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mass {
    /// It is about no table, or nobody knows.
    Unknown,
    Empty,
    Small,
    Big,
    /// Nobody can be using it yet.
    Fresh,
}

impl Known {
    /// The file that makes this table, when it is not there yet.
    pub(super) fn maker(&self, name: &Name) -> Option<&str> {
        let there = self.sizes.as_ref().is_some_and(|sizes| sizes.contains_key(name));
        self.fresh.iter().find(|(made, _)| !there && may_be(made, name)).map(|(_, file)| file.as_str())
    }

    fn size(&self, name: &Name) -> Option<&TableSize> {
        self.sizes.as_ref()?.get(name)
    }

    fn mass(&self, tables: &[Name]) -> Mass {
        let masses = tables.iter().map(|name| match (self.maker(name), self.size(name)) {
            (Some(_), _) => Mass::Fresh,
            (None, None) => Mass::Unknown,
            (None, Some(size)) if size.empty => Mass::Empty,
            (None, Some(size)) if size.is_small() => Mass::Small,
            (None, Some(_)) => Mass::Big,
        });
        const HEAVIEST: [Mass; 5] = [Mass::Big, Mass::Unknown, Mass::Small, Mass::Empty, Mass::Fresh];
        let masses: Vec<_> = masses.collect();
        HEAVIEST.into_iter().find(|mass| masses.contains(mass)).unwrap_or(Mass::Unknown)
    }

    fn seen(&self, name: &Name) -> Option<String> {
        if let Some(file) = self.maker(name) {
            return Some(format!("`{name}` is made by `{file}`, which is not applied yet"));
        }
        match (self.size(name), &self.sizes) {
            (Some(size), _) => Some(size.sentence()),
            (None, Some(_)) => Some(format!("could not verify the size of `{name}`: the database has no such table")),
            (None, None) => None,
        }
    }
}

/// What is told about `hit`, if anything.
pub(super) fn judge(hit: &Hit, known: &Known) -> Option<Verdict> {
    let severity = severity(weight(&hit.rule), known.mass(&hit.tables))?;
    let summary = format!("`{}`: {}", hit.rule, sentence(&hit.message));
    let mut finding = Finding { severity, ..Finding::warning(summary) };
    finding.seen = hit.tables.iter().filter_map(|name| known.seen(name)).collect();
    finding.hint = hit.hint.as_deref().map(sentence);
    let tables = hit.tables.iter().filter_map(|name| known.size(name)).cloned().collect();
    Some(Verdict { finding, tables })
}

fn severity(weight: Weight, mass: Mass) -> Option<Severity> {
    Some(match (weight, mass) {
        (Weight::Error, _) => Severity::Error,
        (Weight::Note, _) => Severity::Note,
        (Weight::BigOnly, Mass::Fresh | Mass::Empty | Mass::Small) => return None,
        (_, Mass::Fresh) => Severity::Note,
        (Weight::BySize, Mass::Empty | Mass::Small) | (Weight::NotEmpty, Mass::Empty) => Severity::Note,
        (Weight::Any | Weight::BySize | Weight::NotEmpty | Weight::BigOnly, _) => Severity::Warning,
    })
}

/// Our messages begin small and have no full stop after a single sentence.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let text = match text.strip_suffix('.') {
        Some(single) if !single.contains(". ") => single,
        _ => text,
    };
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && (second.is_lowercase() || second == ' ') => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
