//! PostgreSQL, SQLite and Redis in our words.
//!
//! Each sense has one question, `ask`: what is the server doing, and may the application rely on it? The answer is a
//! set of facts or a [`Refusal`] that says how long waiting is worth while. Decisions (what a SQLSTATE means, what a
//! Redis error means) are pure tables; the shells that speak the protocols are thin.

pub mod postgres;
pub mod redis;
mod refusal;
pub mod socket;
pub mod sqlite;
mod state;
pub mod tls;

pub use refusal::{Patience, Refusal};
pub use state::ServerState;
