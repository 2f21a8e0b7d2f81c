//! The order of things. A [`Plan`] is made from what is configured alone, can be printed, and is then performed.
//!
//! It knows the names of steps and what their failure means, not how they are done: the command line has the [`Stage`]
//! that does them. Strict and degraded need no branch anywhere else; they are one flag on a [`Step`].

mod make;
mod perform;
mod step;
mod timeline;

pub use make::Intent;
pub use perform::{Performed, Stage, Trouble, first_in_a_line};
pub use step::{Plan, Step, StepKind};
pub use timeline::{BAR, Entry, Timeline, bar};
