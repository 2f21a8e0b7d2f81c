//! What is told in the end.

use super::{
    judge::{self, Known, Verdict},
    look::Looked,
    rules::Rules,
    size::{Sizes, TableSize},
};
use crate::{script::Text, sql::Name};
use report::{Finding, Outcome, Place, Severity, count};
use serde::Serialize;
use std::{fmt, ops::Range};

/// What the linter has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Linted {
    /// How many files were looked at.
    pub files: usize,
    /// The major version of PostgreSQL that they were looked at for.
    pub postgres: Option<u32>,
    /// Everything that was found, file by file; what could not be looked at comes first.
    pub findings: Vec<Told>,
    /// Nothing could be looked at.
    #[serde(skip)]
    unverified: bool,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The rule's name; none for what could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is told.
    #[serde(flatten)]
    pub finding: Finding,
    /// The tables that it is about, as far as their sizes are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableSize>,
}

impl Linted {
    /// Nothing could be looked at.
    pub(super) fn unverified(why: String) -> Self {
        let hint = "name the PostgreSQL with --database, or its version with --pg-version";
        let finding = Finding::warning("could not verify the migrations").seen(why).hint(hint);
        let findings = vec![Told { rule: None, finding, tables: Vec::new() }];
        Self { files: 0, postgres: None, findings, unverified: true }
    }

    /// 1 when there is a warning, 3 when nothing could be looked at; notes are no failure.
    pub fn outcome(&self) -> Outcome {
        match self.number_of(Severity::Warning) + self.number_of(Severity::Error) {
            _ if self.unverified => Outcome::Degraded,
            0 => Outcome::Done,
            _ => Outcome::Failed,
        }
    }

    fn number_of(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|told| told.finding.severity == severity).count()
    }
}

/// Each finding, and the counts.
impl fmt::Display for Linted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|told| writeln!(f, "{}\n", told.finding))?;
        let all = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
        let counts = all.map(|(severity, noun)| (self.number_of(severity), noun));
        let counts: Vec<_> = counts.iter().filter(|it| it.0 > 0).map(|(number, noun)| count(*number, noun)).collect();
        let files = count(self.files, "file");
        match counts.is_empty() {
            true => writeln!(f, "{files} looked at: nothing found"),
            false => writeln!(f, "{files} looked at: {}", counts.join(", ")),
        }
    }
}

/// No database told how big its tables are.
#[derive(Clone, Debug)]
pub(super) struct Absence {
    /// Why.
    pub(super) why: String,
    /// It should have told which files are pending, too.
    pub(super) guessed: bool,
}

/// Judges what was found in files that were looked into; `sizes` tells of the server's tables, or why it does not.
pub(super) fn linted(version: u32, rules: &Rules, looked: Vec<Looked>, sizes: Result<Sizes, Absence>) -> Linted {
    let mut findings = Vec::new();
    let sizes = match sizes {
        Ok(sizes) => Some(sizes),
        Err(absence) => {
            findings.extend((!looked.is_empty()).then(|| absence.told()));
            None
        }
    };
    let known = Known { fresh: fresh(looked.iter().filter(|it| it.file.pending)), sizes };
    for file in &looked {
        findings.extend(findings_of(file, rules, &known));
    }
    let files = looked.iter().filter(|file| file.left.is_none()).count();
    let unverified = files == 0 && !looked.is_empty();
    Linted { files, postgres: Some(version), findings, unverified }
}

impl Absence {
    fn told(self) -> Told {
        let summary = match self.guessed {
            true => {
                "could not verify table sizes nor what is pending: every file is looked at, and every table taken for a big one"
            }
            false => "could not verify table sizes: every table is taken for a big one",
        };
        Told { rule: None, finding: Finding::note(summary).seen(self.why), tables: Vec::new() }
    }
}

/// The tables that files make, each with the name of the file.
pub(super) fn fresh<'a>(files: impl Iterator<Item = &'a Looked>) -> Vec<(Name, String)> {
    let made = files.flat_map(|file| {
        let shown = &file.file.text.shown;
        file.statements().filter_map(|it| it.creates.clone()).map(|name| (name, shown.to_string())).collect::<Vec<_>>()
    });
    made.collect()
}

/// All that is told about one file. Without a database nobody knows which other files are applied already.
pub(super) fn findings_of(file: &Looked, rules: &Rules, known: &Known) -> Vec<Told> {
    if let Some(why) = &file.left {
        let finding = Finding::note(format!("could not verify `{}`: {why}", file.file.text.shown));
        return vec![Told { rule: None, finding, tables: Vec::new() }];
    }
    let alone = Known { sizes: None, fresh: fresh(std::iter::once(file)) };
    let known = if known.sizes.is_some() { known } else { &alone };
    let hits = file.hits(rules, |name| known.maker(name).is_some());
    let told = hits.iter().filter_map(|hit| {
        let Verdict { mut finding, tables } = judge::judge(hit, known)?;
        if !hit.is_of_the_whole() {
            finding = finding.at(place(&file.file.text, &hit.range));
        }
        Some(Told { rule: Some(hit.rule.clone()), finding, tables })
    });
    told.collect()
}

/// Without the end of the statement.
fn place(text: &Text, range: &Range<usize>) -> Place {
    let written = text.whole.get(range.clone()).unwrap_or_default();
    text.place(range.start, range.start + written.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).len())
}
