//! The running application on a screen, for `mainstay top`: what is shown, and what each key does.
//!
//! All of it is pure: a [`Model`] takes in [`Message`]s and answers with [`Effect`]s, and [`view`] draws it. Whoever uses it
//! owns the terminal, the clock, the socket and the files.

mod figures;
mod help;
mod keys;
mod lines;
mod list;
mod logs;
mod look;
mod message;
mod model;
mod orders;
mod screen;
mod text;
mod view;

pub use lines::LogLine;
pub use look::Look;
pub use message::{Act, Effect, End, Follow, Key, Message, Order};
pub use model::Model;
pub use text::tame;
pub use view::view;
