//! The annotations in goose's files.

use crate::style::{Flaw, lines::Line};

/// What a line tells goose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    Up,
    Down,
    StatementBegin,
    StatementEnd,
    NoTransaction,
    Fill(bool),
}

const KNOWN: [(&str, Annotation); 7] = [
    ("Up", Annotation::Up),
    ("Down", Annotation::Down),
    ("StatementBegin", Annotation::StatementBegin),
    ("StatementEnd", Annotation::StatementEnd),
    ("NO TRANSACTION", Annotation::NoTransaction),
    ("ENVSUB ON", Annotation::Fill(true)),
    ("ENVSUB OFF", Annotation::Fill(false)),
];

/// How far a word may be from a known one to be taken for it in the hint.
const NEAR: usize = 3;

impl Annotation {
    /// The annotation in a line, if it has one. Upper and lower case are the same.
    ///
    /// # Errors
    /// It has one that goose does not know, or not at its beginning.
    pub(super) fn of(line: Line<'_>) -> Result<Option<Self>, Flaw> {
        let trimmed = line.text.trim_start();
        if !trimmed.starts_with("--") {
            return Ok(None);
        }
        if !trimmed.contains("+goose") {
            return if looks_like_one(trimmed) { Err(unread(line)) } else { Ok(None) };
        }
        if line.text.starts_with([' ', '\t']) {
            return Err(unread(line));
        }
        let word = line.text.replace("--", "").replacen("+goose", "", 1);
        let known = KNOWN.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim()));
        known.map(|(_, annotation)| Some(annotation)).ok_or_else(|| unknown(line, word.trim()))
    }
}

/// `-- goose Up`: goose takes it for a comment, and the file for one without sections.
fn looks_like_one(comment: &str) -> bool {
    let words: Vec<String> =
        comment.trim_start_matches(['-', '+', ' ', '\t']).split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["goose", "up" | "down" | "statementbegin" | "statementend"] | ["goose", "no", "transaction"]
    )
}

fn unread(line: Line<'_>) -> Flaw {
    Flaw {
        message: format!("`{}` is not read as an annotation", line.text.trim()),
        hint: "write `-- +goose …`, at the beginning of the line".to_owned(),
        range: line.range(),
    }
}

fn unknown(line: Line<'_>, word: &str) -> Flaw {
    let far = |name: &str| strsim::osa_distance(&name.to_ascii_lowercase(), &word.to_ascii_lowercase());
    let nearest = KNOWN.iter().map(|(name, _)| (far(name), *name)).min().filter(|(far, _)| *far <= NEAR);
    let hint = match nearest {
        Some((_, name)) => format!("did you mean `-- +goose {name}`?"),
        None => format!("there are: {}", KNOWN.map(|(name, _)| format!("`{name}`")).join(", ")),
    };
    Flaw { message: format!("goose knows no annotation `{word}`"), hint, range: line.range() }
}
