//! The understanding of SQL text before it is run: where statements begin and end, what each of them is, which of them can share
//! a transaction, and whether two texts say the same.
//!
//! It knows tokens, blocks and the beginnings of statements, not the grammar; the database has the last word. Nothing in it
//! touches a database, so all of it is proven by tables, properties and a second opinion (`split::peer`).

pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod name;
pub(crate) mod nature;
pub(crate) mod obstacle;
mod reader;
pub(crate) mod segment;
pub(crate) mod split;
mod strength;
mod token;
pub(crate) mod wrapped;

pub use obstacle::Obstacle;
pub use token::Quote;

pub(crate) use compare::{Difference, difference};
pub(crate) use diff::diff;
pub(crate) use name::Name;
#[cfg(feature = "lint")]
pub(crate) use name::{folded, unquoted};
pub(crate) use nature::Nature;
#[cfg(feature = "lint")]
pub(crate) use obstacle::first_words;
pub(crate) use obstacle::{Found, down_section, first_obstacle, wants_foreign_keys_off};
pub(crate) use segment::{Segment, segments};
pub(crate) use split::{Statement, split};
pub(crate) use token::Unterminated;
pub(crate) use wrapped::unwrapped;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// Is there nothing in it to be run?
pub(crate) fn is_empty(sql: &str, dialect: Dialect) -> bool {
    token::Tokens::new(sql, dialect).all(|token| token.is_ok_and(|it| it.is_nothing()))
}

/// For `cargo fuzz` only: all of it on one text. Nothing may panic, and what is cut into pieces must be the text.
#[cfg(fuzzing)]
pub(crate) fn fuzz(sql: &str) {
    for dialect in [Dialect::Postgres, Dialect::Sqlite] {
        let _ = first_obstacle(sql, dialect, None);
        let Ok(statements) = split(sql, dialect) else { continue };
        let mut at = 0;
        for statement in &statements {
            assert!(at <= statement.range.start && !sql[statement.range.clone()].is_empty());
            at = statement.data.as_ref().map_or(statement.range.end, |data| data.end);
            let _ = (statement.nature(sql, dialect), statement.is_ddl(sql, dialect));
        }
        for whole in [None, Some(true), Some(false)] {
            let segments = segment::segments(&statements, sql, dialect, whole);
            assert!(segments.iter().flat_map(|segment| segment.statements.clone()).eq(0..statements.len()));
        }
        let _ = wrapped::unwrapped(&statements);
        let layout = compare::difference(sql, &format!("\n{sql}"), dialect);
        assert!(layout == compare::Difference::Layout || sql.starts_with('\u{feff}'));
        let _ = diff::diff(sql, &sql.to_ascii_uppercase());
    }
}
