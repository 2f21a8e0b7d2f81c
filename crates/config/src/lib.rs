//! What the operator wrote, made into what the program may rely on.
//!
//! Two tiers: the file as written, every key optional, unknown keys refused; and the [`App`] that is meant, with nothing
//! left open. One pure function leads from the first to the second and returns *all* problems.

mod app;
mod command;
mod contract;
pub mod dsn;
mod redact;
mod resolve;
mod source;
mod suggest;
mod target;

pub use app::{
    Access, App, Dependency, Handover, Health, HealthCheck, Metrics, MigrationSource, Migrations, Monitor, OnFailure,
    Restart, RestartWhen, Service, Stop, Wait,
};
pub use contract::{EnvContract, Variable};
pub use resolve::{Resolved, resolve};
pub use source::{FileMap, Files, Overrides, Sources, TextFile};
pub use target::Target;
