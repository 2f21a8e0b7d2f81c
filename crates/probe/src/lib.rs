//! Is a dependency truly ready? And the gate that waits until it is.
//!
//! [`ask`] puts one question to one dependency. The [`gate`] asks until the answer is yes, or can never be.

mod ask;
mod command;
mod context;
pub mod gate;
mod home;
mod http;
mod local;
mod notice;
mod peek;
mod progress;
mod ready;
mod refusals;
mod server_log;
mod tcp;

pub use ask::ask;
pub use context::Context;
pub use gate::{GateError, Opened, wait, wait_all};
pub use home::home;
pub use http::{LARGEST_BODY, Response, http_get, http_get_from};
pub use progress::{Phase, Progress};
pub use ready::{Facts, Ready};
pub use server_log::{NoLog, server_log};
