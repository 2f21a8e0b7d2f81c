//! PostgreSQL over its own protocol.
//!
//! One connection per try: the socket and TLS are ours, so that every refusal is seen as the server sent it (and costs
//! one line in its log); from the startup packet on `tokio-postgres` speaks.

mod advisory;
mod ask;
mod attrs;
mod connect;
mod connections;
mod ear;
mod error;
pub mod local;
mod login;
mod programs;
mod quote;
mod session;
pub mod sqlstate;
mod wire;

pub use advisory::{advisory_holder, try_advisory_lock};
pub use ask::{Facts, Identity, ask};
pub use connect::connect;
pub use connections::{Connections, connections};
pub use error::SqlError;
pub use programs::{Program, Programs, libpq};
pub use quote::{identifier, literal};
pub use session::Session;
