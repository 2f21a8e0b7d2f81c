//! The reference application: services, slots and bookings over HTTP, on SQLite or PostgreSQL.
//!
//! Small on purpose: one file for each thing, constraints in the database, and nothing that mainstay does better. It
//! does not wait for its database, does not migrate it and does not restart itself.

pub mod api;
pub mod error;
pub mod listen;
pub mod loops;
pub mod settings;
pub mod store;

pub use error::Error;
pub use settings::Settings;
pub use store::Store;
