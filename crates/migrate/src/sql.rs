//! The understanding of SQL text before it is run: where statements begin and end, what each of them is, which of them can share
//! a transaction, and whether two texts say the same.
//!
//! It knows tokens, blocks and the beginnings of statements, not the grammar; the database has the last word. Nothing in it
//! touches a database, so all of it is proven by tables, properties and a second opinion (`tests/pglast.rs`).

mod compare;
mod diff;
mod name;
mod nature;
mod obstacle;
mod reader;
mod segment;
mod split;
mod strength;
mod table;
mod token;
mod wrapped;

pub use obstacle::Obstacle;
pub use token::Quote;

pub(crate) use compare::{Difference, difference};
pub(crate) use diff::diff;
pub(crate) use name::Name;
#[cfg(feature = "lint")]
pub(crate) use name::{folded, unquoted};
#[cfg(feature = "lint")]
pub(crate) use obstacle::first_words;
pub(crate) use nature::Nature;
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
