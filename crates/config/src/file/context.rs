//! What all readers share: the sources, the environment so far, and the problems found on the way.

use crate::{Sources, dsn::TargetError, redact};
use report::{Finding, Masker, Place, Secret};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(String),
    /// Bytes of the file, and how the key is called in messages.
    File(Range<usize>, String),
    /// Nowhere: the table of keys.
    Default,
}

/// What all readers share.
pub(crate) struct Context<'a> {
    pub(crate) sources: &'a Sources<'a>,
    /// The environment so far: process, `.env` files, contract.
    pub(crate) env: BTreeMap<String, String>,
    /// Where variables of `.env` files were written.
    pub(crate) places: BTreeMap<String, Place>,
    /// Names of variables that the contract declares as secrets.
    pub(crate) secrets: Vec<String>,
    problems: RefCell<Vec<Finding>>,
    warnings: RefCell<Vec<Finding>>,
    /// Every `MAINSTAY_*` that means something.
    known: RefCell<BTreeSet<String>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(sources: &'a Sources<'a>) -> Self {
        Self {
            sources,
            env: sources.env.clone(),
            places: BTreeMap::new(),
            secrets: Vec::new(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            known: RefCell::default(),
        }
    }

    pub(crate) fn problem(&self, problem: Finding) {
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// The same, at these bytes of the file where they are known.
    pub(crate) fn problem_at(&self, problem: Finding, span: Option<Range<usize>>) {
        self.problem(match span {
            Some(span) => self.at(problem, &span),
            None => problem,
        });
    }

    /// Reports a target from `origin` that is none.
    pub(crate) fn refuse_target(&self, origin: &Origin, error: TargetError) {
        let finding = self.error(origin, &error.problem).seen(format!("`{}`", error.shown));
        self.problem(Finding { hint: error.hint, ..finding });
    }

    pub(crate) fn warn(&self, warning: Finding) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(crate) fn warn_all(&self, warnings: impl IntoIterator<Item = Finding>) {
        warnings.into_iter().for_each(|warning| self.warn(warning));
    }

    /// All problems, those of the file in the order of the file; or, when there is none, the warnings. Whatever was put
    /// into a value by a `${SECRET}` is taken out again.
    pub(crate) fn verdict(&self) -> Result<Vec<Finding>, Vec<Finding>> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        let masker = self.masker();
        let masked = |findings: Vec<Finding>| findings.into_iter().map(|it| masked(it, &masker)).collect();
        if problems.is_empty() { Ok(masked(self.warnings.take())) } else { Err(masked(problems)) }
    }

    fn masker(&self) -> Masker {
        let is_secret = |name: &String, value: &String| self.secrets.contains(name) || redact::is_secret(name, value);
        let mut masker = Masker::default();
        masker.extend(
            self.env.iter().filter(|(name, value)| is_secret(name, value)).map(|(_, it)| Secret::new(it.as_str())),
        );
        masker
    }

    /// `summary` as an error of the value from `origin`: it says which key, variable or flag it is about.
    pub(crate) fn error(&self, origin: &Origin, summary: &str) -> Finding {
        let summary = redact::redact(summary);
        match origin {
            Origin::Flag(flag) => Finding::error(format!("`{flag}`: {summary}")),
            Origin::Variable(name) => {
                let finding = Finding::error(format!("variable `{name}`: {summary}"));
                match self.places.get(name) {
                    Some(place) => finding.at(place.clone()),
                    None => finding,
                }
            }
            Origin::File(span, key) => self.at(Finding::error(format!("{key}: {summary}")), span),
            Origin::Default => Finding::error(summary),
        }
    }

    /// Adds the place of these bytes of the file, without passwords.
    pub(crate) fn at(&self, finding: Finding, span: &Range<usize>) -> Finding {
        match &self.sources.file {
            Some(file) => finding.at(place(&file.name, &file.text, span)),
            None => finding,
        }
    }

    /// Remembers that a variable of this name means something.
    pub(crate) fn know(&self, name: String) {
        self.known.borrow_mut().insert(name);
    }

    pub(crate) fn known(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }

    /// The value of a variable, unless it is unset or empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn masked(finding: Finding, masker: &Masker) -> Finding {
    let mask = |text: String| masker.mask(&text).into_owned();
    Finding {
        summary: mask(finding.summary),
        seen: finding.seen.into_iter().map(mask).collect(),
        hint: finding.hint.map(mask),
        ..finding
    }
}

/// A place whose line shows no password; the caret stays below what it meant.
pub(crate) fn place(file: &str, text: &str, span: &Range<usize>) -> Place {
    let mut place = Place::in_text(file, text, span.start, span.end);
    let hidden = redact::secrets(&place.source);
    if hidden.is_empty() {
        return place;
    }
    let byte = |column: usize| place.source.char_indices().nth(column).map_or(place.source.len(), |(at, _)| at);
    let (start, end) = (byte(place.column - 1), byte(place.column - 1 + place.width));
    let moved = |at: usize| {
        let shown = hidden.iter().find(|range| range.contains(&at)).map_or(at, |range| range.start);
        redact::redact_until(&place.source, shown).chars().count()
    };
    let (start, end) = (moved(start), moved(end));
    place.source = redact::redact(&place.source);
    (place.column, place.width) = (start + 1, end.saturating_sub(start).max(1));
    place
}
