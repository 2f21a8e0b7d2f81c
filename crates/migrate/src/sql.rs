//! The understanding of SQL text before it is run: where statements begin and end, what each of them is, which of them can share
//! a transaction, and whether two texts say the same.
//!
//! It knows tokens, blocks and the beginnings of statements, not the grammar; the database has the last word. Nothing in it
//! touches a database, so all of it is proven by tables, properties and a second opinion (`split::peer`).

#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
pub(crate) mod compare;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
pub(crate) mod diff;
pub(crate) mod name;
pub(crate) mod nature;
pub(crate) mod obstacle;
mod reader;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
pub(crate) mod segment;
pub(crate) mod split;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
mod strength;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
mod table;
mod token;
#[cfg_attr(not(test), expect(dead_code, reason = "the runner that asks it is the next step"))]
pub(crate) mod wrapped;

pub use obstacle::Obstacle;
pub use token::Quote;

pub(crate) use obstacle::{first_obstacle, wants_foreign_keys_off};
pub(crate) use split::split;

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}
