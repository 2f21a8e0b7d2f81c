//! PostgreSQL, SQLite and Redis in our words.

mod refusal;
mod state;

pub use refusal::{Patience, Refusal};
pub use state::ServerState;
