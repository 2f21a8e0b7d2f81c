//! A file as the linter takes it, and what is found in it.

use super::{
    hit::{Hit, Statement},
    own::{self, Piece, Whole},
    rules::{CANNOT_RUN, MISSING_DOWN, NO_STATEMENT, OWN, Rules, SYNTAX, UNUSED_IGNORE},
    squawk::{self, Ignore, Parsed, Setting},
};
use crate::{
    MigrateError, Migration,
    empty::{Empty, Sieve},
    migration::Kind,
    pieces::pieces,
    script::{Script, Text},
    sql::{Dialect, Name, first_obstacle, first_words},
    style::{Named, Part, Plain, Section, Style},
};
use std::ops::Range;

/// More than this is data, which no rule is made for, and a tree of it would fill the memory.
pub(super) const LARGEST: usize = 1024 * 1024;

/// A file as the linter takes it.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) script: Script,
    pub(super) text: Text,
    /// Is it still to be applied?
    pub(super) pending: bool,
    /// There should be something that undoes it, and there is nothing.
    pub(super) wants_down: bool,
    /// It does nothing.
    pub(super) empty: Option<Nothing>,
}

/// A file does nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nothing {
    how: Empty,
    /// `up` would not apply it.
    refused: bool,
}

/// What is usual in a style.
pub(super) struct Usage {
    /// A new migration comes with something that undoes it.
    pub(super) has_downs: bool,
    sieve: Sieve,
}

impl Usage {
    pub(super) fn of(style: &dyn Style) -> Self {
        let files = style.skeleton(&"1".into(), "x", &[]);
        let is_down = |name: &str| matches!(style.read_name(name), Named::Migration { part, .. } if part != Part::Up);
        Self { has_downs: files.iter().any(|(name, _)| is_down(name)), sieve: Sieve::new(style, Dialect::Postgres) }
    }

    fn empty(&self, kind: Kind, script: &Script, text: &Text) -> Option<Nothing> {
        let how = self.sieve.of(script, text)?;
        Some(Nothing { how, refused: self.sieve.refuses(kind, script, text) })
    }
}

/// A file that was looked into.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) file: File,
    /// For each of its sections; none when it was not looked into.
    sections: Vec<Parsed>,
    /// As `up` would run it; none when it would refuse.
    pieces: Vec<Piece>,
    /// Why it was not looked into.
    pub(super) left: Option<String>,
}

impl File {
    /// What `up` would run of a migration.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn of(migration: &Migration, pending: bool, usage: &Usage) -> Result<Self, MigrateError> {
        let Migration { kind, up, down, .. } = migration;
        let text = up.load()?;
        let empty = usage.empty(*kind, up, &text);
        let wants_down = usage.has_downs && down.is_none() && *kind == Kind::Versioned && empty.is_none();
        Ok(Self { text, script: up.clone(), pending, wants_down, empty })
    }

    /// One that is no migration of the directory.
    pub(super) fn stranger(script: Script) -> Result<Self, MigrateError> {
        let text = script.load()?;
        let empty = Usage::of(&Plain).empty(Kind::ByHand, &script, &text);
        Ok(Self { text, script, pending: true, wants_down: false, empty })
    }
}

impl Looked {
    /// Looks into it.
    pub(super) fn into(file: File, rules: &Rules, version: u32) -> Self {
        if file.text.whole.len() > LARGEST {
            return Self::left(file, format!("it is larger than {}", report::bytes(LARGEST as u64)));
        }
        // What cannot be cut is an obstacle, which is found for itself.
        let pieces = pieces(&file.script, &file.text, Dialect::Postgres).unwrap_or_default();
        let data: Vec<_> = pieces.iter().flat_map(|it| &it.statements).filter_map(|it| it.data.clone()).collect();
        let parse = |section: &Section| {
            let setting = Setting { version, in_transaction: section.transaction.unwrap_or(true), rules };
            let shown = Shown { section: &section.range, sections: &file.script.sections, data: &data };
            squawk::parse(&shown.of(&file.text.whole), setting)
        };
        match file.script.sections.iter().map(parse).collect() {
            Some(sections) => Self { sections, pieces: pieces.iter().map(piece).collect(), left: None, file },
            None => Self::left(file, "it is nested too deep".to_owned()),
        }
    }

    fn left(file: File, why: String) -> Self {
        Self { file, sections: Vec::new(), pieces: Vec::new(), left: Some(why) }
    }

    /// Its statements.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.sections.iter().flat_map(|section| &section.statements)
    }

    /// All that is found in it, in its order, without what its comments want to have left out.
    pub(super) fn hits(&self, rules: &Rules, is_fresh: impl Fn(&Name) -> bool) -> Vec<Hit> {
        let sections = &self.file.script.sections;
        let mut hits: Vec<_> = sections.iter().filter_map(|section| obstacle(&self.file, section)).collect();
        if hits.is_empty() {
            hits.extend(self.sections.iter().filter_map(|parsed| syntax(&parsed.errors)));
        }
        let statements: Vec<_> = self.statements().collect();
        let is_cut_by_need = sections.iter().all(|section| section.transaction.is_none());
        hits.extend(own::hits(Whole { pieces: &self.pieces, statements: &statements, is_cut_by_need }, is_fresh));
        hits.extend(
            self.sections.iter().flat_map(|parsed| &parsed.hits).filter(|hit| !self.is_own_ignore(hit)).cloned(),
        );
        hits.extend(self.file.empty.map(|it| nothing(it, &self.file.text)));
        hits.extend(self.file.wants_down.then(|| missing_down(&self.file.text)));
        hits.retain(|hit| rules.has(&hit.rule) && !self.ignores(hit));
        hits.sort_by_key(|hit| hit.range.start);
        without_doubles(hits)
    }

    /// squawk does not know our rules, and would say so of a comment that names one.
    fn is_own_ignore(&self, hit: &Hit) -> bool {
        hit.rule == UNUSED_IGNORE && self.file.text.whole.get(hit.range.clone()).is_some_and(|it| OWN.contains(&it))
    }

    /// Does a comment on the hit's line, on the line before it or for the whole file name its rule?
    fn ignores(&self, hit: &Hit) -> bool {
        let line = |at: usize| self.file.text.whole[..at.min(self.file.text.whole.len())].matches('\n').count();
        let applies = |ignore: &Ignore| match ignore.at {
            Some(at) => ignore.rules.contains(&hit.rule) && (line(at)..=line(at) + 1).contains(&line(hit.range.start)),
            None => ignore.rules.is_empty() || ignore.rules.contains(&hit.rule),
        };
        self.sections.iter().flat_map(|section| &section.ignores).any(applies)
    }
}

fn piece(piece: &crate::pieces::Piece) -> Piece {
    let words = piece.statements.first().map(first_words).unwrap_or_default();
    Piece { transactional: piece.transactional, words, range: piece.range() }
}

/// What squawk gets to see of a text: all else is blanked, so that every byte keeps its place.
struct Shown<'a> {
    /// This section.
    section: &'a Range<usize>,
    /// And comments outside of these, which speak for the whole file.
    sections: &'a [Section],
    /// But no rows of `COPY … FROM STDIN`.
    data: &'a [Range<usize>],
}

impl Shown<'_> {
    fn of(&self, whole: &str) -> String {
        let (mut text, mut at) = (String::with_capacity(whole.len()), 0);
        for line in whole.split_inclusive('\n') {
            text.push_str(&self.line(at, line));
            at += line.len();
        }
        text
    }

    fn line(&self, start: usize, line: &str) -> String {
        let overlaps = |range: &Range<usize>| range.start < start + line.len() && start < range.end;
        let is_outside = !self.sections.iter().any(|it| overlaps(&it.range));
        if is_outside && line.trim_start().starts_with("--") {
            return line.to_owned();
        }
        let is_end_of_data = line.trim_end() == "\\.";
        if self.data.iter().any(overlaps) || is_end_of_data {
            return blank(line);
        }
        let inside = |(offset, c): (usize, char)| match self.section.contains(&(start + offset)) {
            true => c.to_string(),
            false => blank(c.encode_utf8(&mut [0; 4])),
        };
        line.char_indices().map(inside).collect()
    }
}

fn blank(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// What `up` refuses.
fn obstacle(file: &File, section: &Section) -> Option<Hit> {
    let found = first_obstacle(file.text.section(section), Dialect::Postgres, section.transaction)?;
    let start = section.range.start;
    Some(Hit {
        rule: CANNOT_RUN.to_owned(),
        message: found.obstacle.to_string(),
        hint: Some(found.obstacle.hint().to_owned()),
        range: start + found.range.start..start + found.range.end,
        tables: Vec::new(),
    })
}

/// The first error; the others often follow from it.
fn syntax(errors: &[(String, Range<usize>)]) -> Option<Hit> {
    let (message, range) = errors.first()?;
    Some(Hit {
        rule: SYNTAX.to_owned(),
        message: format!("the linter does not understand this: {message}"),
        hint: Some(
            "correct it; if PostgreSQL does take it, put `-- squawk-ignore-file syntax-error` at the top".to_owned(),
        ),
        range: range.clone(),
        tables: Vec::new(),
    })
}

fn nothing(Nothing { how, refused }: Nothing, text: &Text) -> Hit {
    let (rule, hint) = match refused {
        true => (CANNOT_RUN, "write its SQL, or take it out; one that is to do nothing says so in a comment"),
        false => (NO_STATEMENT, "write its SQL before it is applied: what is written later is not run"),
    };
    let (rule, hint) = (rule.to_owned(), Some(hint.to_owned()));
    let range = text.whole.len()..text.whole.len();
    Hit { rule, message: format!("`{}`: {}", text.shown, how.told()), hint, range, tables: Vec::new() }
}

fn missing_down(text: &Text) -> Hit {
    Hit {
        rule: MISSING_DOWN.to_owned(),
        message: format!("nothing undoes `{}`", text.shown),
        hint: Some("write what undoes it, or know that the only way back is a backup".to_owned()),
        range: text.whole.len()..text.whole.len(),
        tables: Vec::new(),
    }
}

/// `NOT VALID` is of no use to a key, and of the rules that speak of one constraint the one that knows its kind says more.
fn without_doubles(hits: Vec<Hit>) -> Vec<Hit> {
    const KINDS: [&str; 3] =
        ["adding-foreign-key-constraint", "adding-serial-primary-key-field", "disallowed-unique-constraint"];
    let overlaps = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    let doubled = |hit: &Hit| {
        hit.rule == "constraint-missing-not-valid"
            && hits.iter().any(|other| KINDS.contains(&other.rule.as_str()) && overlaps(&other.range, &hit.range))
    };
    let kept: Vec<bool> = hits.iter().map(|hit| !doubled(hit)).collect();
    hits.iter().zip(kept).filter(|(_, kept)| *kept).map(|(hit, _)| hit.clone()).collect()
}
