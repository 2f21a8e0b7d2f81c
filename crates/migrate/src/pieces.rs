//! A script cut into pieces: statements that share a transaction, and statements that cannot have one. Pure.

use crate::{
    BadFile, MigrateError, Problem,
    script::{Script, Text},
    sql::{Dialect, Obstacle, Statement, Unterminated, segments, split, unwrapped},
    style::Section,
};
use std::ops::Range;

/// Statements that are run together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// They share a transaction; else it is one statement that runs outside of any.
    pub(crate) transactional: bool,
    /// What begins the transaction, when the file says it itself: `BEGIN ISOLATION LEVEL SERIALIZABLE`.
    pub(crate) begin: Option<Range<usize>>,
    /// Its statements, in bytes of the whole text.
    pub(crate) statements: Vec<Statement>,
    /// The place of its first statement in the file, counted from 1.
    pub(crate) number: usize,
    /// It may be run in one transaction with its neighbour.
    joins: bool,
}

impl Piece {
    /// From its first statement to its last, with all that stands between them.
    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.statements.first().map_or(0, |statement| statement.range.start);
        start..self.statements.last().map_or(start, |statement| statement.range.end)
    }

    /// What of it the journal does not have yet; nothing when all of it is done.
    pub(crate) fn rest(&self, is_done: impl Fn(usize) -> bool) -> Option<Piece> {
        let done = (0..self.statements.len()).take_while(|index| is_done(self.number + index)).count();
        let statements = self.statements[done..].to_vec();
        (!statements.is_empty()).then(|| Piece { statements, number: self.number + done, ..self.clone() })
    }

    /// An empty one behind all of them.
    pub(crate) fn behind(pieces: &[Piece]) -> Piece {
        let number = pieces.last().map_or(1, |last| last.number + last.statements.len());
        Piece { number, ..Piece::default() }
    }

    /// Does one of its statements bring rows along?
    pub(crate) fn copies(&self) -> bool {
        self.statements.iter().any(|statement| statement.data.is_some())
    }
}

/// The pieces of a script, in order; none when it has no statements.
///
/// # Errors
/// A quoted text or a comment that is never closed, with its place.
pub(crate) fn pieces(script: &Script, text: &Text, dialect: Dialect) -> Result<Vec<Piece>, MigrateError> {
    let mut all: Vec<Piece> = Vec::new();
    for section in &script.sections {
        for piece in of_section(text, section, dialect)? {
            match all.last_mut().filter(|last| last.joins && piece.joins && are_neighbours(last, &piece, text, dialect))
            {
                Some(last) => last.statements.extend(piece.statements),
                None => all.push(piece),
            }
        }
    }
    number(&mut all);
    Ok(all)
}

/// Does nothing stand between the two but blanks and comments? What undoes the one may, and it must not be run along.
fn are_neighbours(before: &Piece, after: &Piece, text: &Text, dialect: Dialect) -> bool {
    let between = text.whole.get(before.range().end..after.range().start);
    between.is_some_and(|between| split(between, dialect).is_ok_and(|statements| statements.is_empty()))
}

fn number(pieces: &mut [Piece]) {
    let mut next = 1;
    for piece in pieces {
        piece.number = next;
        next += piece.statements.len();
    }
}

fn of_section(text: &Text, section: &Section, dialect: Dialect) -> Result<Vec<Piece>, MigrateError> {
    let sql = text.section(section);
    let statements = split(sql, dialect).map_err(|open| unterminated(text, section, &open))?;
    let shifted = |range: &Range<usize>| range.start + section.range.start..range.end + section.range.start;
    let moved = |statement: &Statement| Statement {
        range: shifted(&statement.range),
        words: statement.words.clone(),
        data: statement.data.as_ref().map(shifted),
    };
    if let Some(inner) = unwrapped(&statements) {
        let begin = statements.first().map(|statement| shifted(&statement.range));
        let statements = statements[inner].iter().map(moved).collect();
        return Ok(vec![Piece { transactional: true, begin, statements, number: 0, joins: false }]);
    }
    let cut = segments(&statements, sql, dialect, section.transaction);
    // Only a section that is one transaction as a whole may become one with its neighbour.
    let joins = cut.len() == 1 && section.transaction != Some(false);
    let piece = |segment: &crate::sql::Segment| Piece {
        transactional: segment.transactional,
        begin: None,
        statements: statements[segment.statements.clone()].iter().map(moved).collect(),
        number: 0,
        joins: joins && segment.transactional,
    };
    Ok(cut.iter().map(piece).collect())
}

fn unterminated(text: &Text, section: &Section, open: &Unterminated) -> MigrateError {
    let start = section.range.start;
    let place = text.place(start + open.range.start, start + open.range.end);
    MigrateError::BadFiles(vec![BadFile {
        name: text.shown.to_string(),
        problem: Problem::Obstacle(Obstacle::NeverClosed(open.quote)),
        place: Some(Box::new(place)),
    }])
}
