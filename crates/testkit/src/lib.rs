//! Real clusters, fake servers and faults for tests.
//!
//! Everything here is blocking and built on the standard library, so that sync and async tests can use it alike; no call blocks
//! for longer than its stated limit. A missing real component panics with the command that installs it: a test never skips.
#![expect(
    clippy::disallowed_methods,
    reason = "the test kit stands outside the program and plays the machine it runs on"
)]

mod cluster;
mod components;
mod fake_postgres;
mod fault_proxy;
mod listener;
mod nginx;
mod pebble;
mod pgbouncer;
mod port;
mod program;
mod redis;
mod s3;
mod scratch;
mod server_error;
mod spawn;
mod tmux;
mod wait;
mod wire;

pub use cluster::{Builder as ClusterBuilder, Cluster, Full, Gate, Held, Session, Shutdown};
pub use components::find as find_component;
pub use fake_postgres::{Answer, FakePostgres, Reaction, Value};
pub use fault_proxy::{Fault, FaultProxy};
pub use nginx::Nginx;
pub use pebble::Pebble;
pub use pgbouncer::PgBouncer;
pub use port::free_port;
pub use program::{Output, Running, Test, program, scrub};
pub use redis::{Builder as RedisBuilder, Redis};
pub use rustix::process::Signal;
pub use s3::{S3Fault, S3Server};
pub use scratch::TempDir;
pub use server_error::ServerError;
pub use spawn::signal;
pub use tmux::Tmux;
pub use wait::{wait_for, wait_until};
