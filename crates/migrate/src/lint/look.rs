//! A file as the linter takes it, and what is found in it.

use super::{
    hit::{Hit, Name, Statement},
    own,
    rules::{CANNOT_RUN, MISSING_DOWN, OWN, Rules, SYNTAX, UNUSED_IGNORE},
    squawk::{self, Ignore, Parsed, Setting},
};
use crate::{
    MigrateError, Migration,
    migration::Kind,
    script::Text,
    sql::{Dialect, first_obstacle},
    style::Section,
};
use std::ops::Range;

/// More than this is data, which no rule is made for, and a tree of it would fill the memory.
pub(super) const LARGEST: usize = 1024 * 1024;

/// A file as the linter takes it.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) text: Text,
    pub(super) sections: Vec<Section>,
    /// Is it still to be applied?
    pub(super) pending: bool,
    /// There should be something that undoes it, and there is nothing.
    pub(super) wants_down: bool,
}

/// A file that was looked into.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) file: File,
    /// For each of its sections; none when it was not looked into.
    sections: Vec<Parsed>,
    /// Why it was not.
    pub(super) left: Option<String>,
}

impl File {
    /// What `up` would run of a migration.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn of(migration: &Migration, pending: bool, has_downs: bool) -> Result<Self, MigrateError> {
        let wants_down = has_downs && migration.down.is_none() && migration.kind == Kind::Versioned;
        Ok(Self { text: migration.up.load()?, sections: migration.up.sections.clone(), pending, wants_down })
    }
}

impl Looked {
    /// Looks into it.
    pub(super) fn into(file: File, rules: &Rules, version: u32) -> Self {
        let whole = &*file.text.whole;
        if whole.len() > LARGEST {
            let left = Some(format!("it is larger than {}", report::bytes(LARGEST as u64)));
            return Self { file, sections: Vec::new(), left };
        }
        let parse = |section: &Section| {
            let setting = Setting { version, in_transaction: section.transaction.unwrap_or(true), rules };
            squawk::parse(&only(whole, &section.range, &file.sections), setting)
        };
        let sections: Option<Vec<_>> = file.sections.iter().map(parse).collect();
        let left = sections.is_none().then(|| "it is nested too deep".to_owned());
        Self { sections: sections.unwrap_or_default(), left, file }
    }

    /// Its statements.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.sections.iter().flat_map(|section| &section.statements)
    }

    /// All that is found in it, in its order, without what its comments want to have left out.
    pub(super) fn hits(&self, rules: &Rules, is_fresh: impl Fn(&Name) -> bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (section, parsed) in self.file.sections.iter().zip(&self.sections) {
            let obstacle = obstacle(&self.file, section);
            if obstacle.is_none() {
                hits.extend(syntax(&parsed.errors));
            }
            hits.extend(obstacle);
            hits.extend(own::hits(&parsed.statements, section.transaction, &is_fresh));
            hits.extend(parsed.hits.iter().filter(|hit| !is_own_ignore(hit, &self.file.text.whole)).cloned());
        }
        hits.extend(self.file.wants_down.then(|| missing_down(&self.file.text.shown)));
        hits.retain(|hit| rules.has(&hit.rule) && !self.ignores(hit));
        hits.sort_by_key(|hit| hit.range.start);
        without_doubles(hits)
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

/// The text with blanks in place of everything but one section; comments outside of all sections speak for the whole file, and
/// stay.
fn only(whole: &str, section: &Range<usize>, sections: &[Section]) -> String {
    let (mut text, mut at) = (String::with_capacity(whole.len()), 0);
    for line in whole.split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let in_any = sections.iter().any(|it| it.range.start < range.end && range.start < it.range.end);
        if line.trim_start().starts_with("--") && !in_any {
            text.push_str(line);
            continue;
        }
        let inside = |(offset, byte): (usize, u8)| match section.contains(&(range.start + offset)) {
            true => byte,
            false if byte == b'\n' => byte,
            false => b' ',
        };
        let bytes: Vec<u8> = line.bytes().enumerate().map(inside).collect();
        // Sections begin and end between characters; were it otherwise, nothing of the line would be looked at.
        text.push_str(&String::from_utf8(bytes).unwrap_or_else(|_| " ".repeat(line.len())));
    }
    text
}

/// What `up` refuses.
fn obstacle(file: &File, section: &Section) -> Option<Hit> {
    let found = first_obstacle(file.text.section(section), Dialect::Postgres)?;
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

fn missing_down(shown: &str) -> Hit {
    Hit {
        rule: MISSING_DOWN.to_owned(),
        message: format!("nothing undoes `{shown}`"),
        hint: Some("write what undoes it, or know that the only way back is a backup".to_owned()),
        range: 0..0,
        tables: Vec::new(),
    }
}

/// squawk does not know our rules, and would say so of a comment that names one.
fn is_own_ignore(hit: &Hit, whole: &str) -> bool {
    hit.rule == UNUSED_IGNORE && whole.get(hit.range.clone()).is_some_and(|name| OWN.contains(&name))
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
