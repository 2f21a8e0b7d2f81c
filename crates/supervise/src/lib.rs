//! Keeps services running until told to stop.
//!
//! # Theory of operation
//!
//! [`Life`] is the life of one service as a pure machine; it knows no clock, no process and no other service. A driver
//! for each service carries out what it decides: it spawns, signals, reads lines, asks the health check, and feeds back
//! what happened. A driver sleeps until something happens, so that services that just run cost nothing. The
//! [`Supervisor`] knows all of them: it starts each after those it starts after, passes on what is told through its
//! [`Handle`], stops them in the reverse order and ends when nobody has anything left to do.
//!
//! Two promises shape it. **No start is lost**: a service never starts while a dependency that it needs is down, starts
//! the moment that it is back, and its ends in the meantime are not counted. **Never two**: no copy is started while
//! anybody of the old one's process group lives.
//!
//! Log files stand behind [`report::Lines`], control groups behind [`host::process::Spawner`], a control socket in front of
//! [`Handle`]. Jobs that are due now and then run beside it: [`schedule`].

mod check;
mod doubts;
mod driver;
mod ear;
mod ended;
mod fault;
mod fence;
mod generation;
mod guard;
mod handed;
mod handle;
mod input;
mod life;
mod listen;
mod meaning;
mod member;
mod notice;
mod outfit;
pub mod output;
mod recent;
mod reload;
mod resume;
mod say;
pub mod schedule;
mod state;
mod status;
mod still;
mod supervisor;
pub mod tail;
mod usage;
mod vigil;

pub use check::Checker;
pub use ended::{Ended, EndedService};
pub use fault::{Fault, Suspect, fault};
pub use fence::Fence;
pub use generation::{Begun, Beside, CandidateError, Doorway, Generation, Promotion};
pub use guard::{Guard, HandedGuard};
pub use handed::HandedServices;
pub use handle::{Handle, Need, NoSuchService};
pub use input::{Effect, Input};
pub use life::Life;
pub use listen::ListenError;
pub use meaning::meaning;
pub use outfit::Outfit;
pub use reload::{ReloadError, Reloaded};
pub use resume::{Frozen, NotStill, ResumeError};
pub use state::{Failure, Leaving, Run, State, Then, Word};
pub use status::ServiceStatus;
pub use still::Still;
pub use supervisor::Supervisor;
pub use usage::{ServiceUsage, Share};
