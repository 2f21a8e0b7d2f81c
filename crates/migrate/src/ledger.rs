//! The ledger: the table that remembers which migrations were applied. Pure; the engines read and write it.

mod compare;
mod conflict;
mod policies;
mod row;
mod standing;

pub use conflict::{Conflict, Difference};
pub use policies::Goal;
pub use row::{End, Row};
pub use standing::{Entry, State};

pub(crate) use compare::{Sides, Standing, Where, compare, previous};
pub(crate) use policies::{conflicts, pending};
pub(crate) use standing::entries;
