//! SQLite files. Blocking: call from a thread that may block.

mod ask;
mod code;
mod open;

pub use ask::{Empty, SqliteFacts, ask};
pub use code::{refusal, transience};
pub use open::open;
