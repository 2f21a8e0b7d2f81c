//! SQLite files. Blocking: call from a thread that may block.

mod ask;
mod code;
mod library;
mod open;

pub use ask::{Empty, SqliteFacts, ask};
pub use code::{refusal, transience};
pub use library::Library;
pub use open::open;
