//! Which statements of a file share a transaction.

use super::{Dialect, nature::Nature, split::Statement};
use std::ops::Range;

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// They share a transaction. Otherwise it is one statement that runs outside of any.
    pub(crate) transactional: bool,
    /// Which of the file's statements.
    pub(crate) statements: Range<usize>,
}

/// Cuts the statements of a file into segments; `whole` is what the file's directive says: one transaction (`Some(true)`), none
/// (`Some(false)`), or nothing.
///
/// - Nothing: as few segments as can be. A statement that stands alone gets its own, and a value added to a type ends its
///   segment, because it can be used only after COMMIT.
/// - None: each statement is a segment, so that what was done can be remembered one by one; those that can run in a
///   transaction still do, each together with its row in the journal.
/// - One: one segment. What cannot run in it is an obstacle ([`super::first_obstacle`]).
pub(crate) fn segments(statements: &[Statement], sql: &str, dialect: Dialect, whole: Option<bool>) -> Vec<Segment> {
    let natures = || statements.iter().map(|statement| statement.nature(sql, dialect));
    match whole {
        _ if statements.is_empty() => Vec::new(),
        Some(true) => vec![Segment { transactional: true, statements: 0..statements.len() }],
        Some(false) => natures().enumerate().map(|(index, nature)| alone(index, &nature)).collect(),
        None => runs(natures()),
    }
}

fn alone(index: usize, nature: &Nature) -> Segment {
    Segment { transactional: !nature.stands_alone() && *nature != Nature::Call, statements: index..index + 1 }
}

fn runs(natures: impl Iterator<Item = Nature>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut adds_value = false;
    for (index, nature) in natures.enumerate() {
        let added_value = std::mem::replace(&mut adds_value, matches!(nature, Nature::AlterTypeAddValue { .. }));
        let transactional = !nature.stands_alone();
        match segments.last_mut() {
            Some(last) if last.transactional && transactional && (adds_value || !added_value) => {
                last.statements.end = index + 1
            }
            _ => segments.push(Segment { transactional, statements: index..index + 1 }),
        }
    }
    segments
}

#[cfg(test)]
mod tests;
