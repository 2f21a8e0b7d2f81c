//! What the operator wrote, made into what the program may rely on.
//!
//! Two tiers: the file as written, every key optional, unknown keys refused; and the [`App`] that is meant, with nothing
//! left open. One pure function leads from the first to the second and returns *all* problems.

mod age;
mod answer_header;
mod app;
mod command;
mod contract;
mod cron;
mod dotenv;
pub mod dsn;
mod file;
mod interpolate;
mod log_line;
mod path_pattern;
mod redact;
mod reference;
mod resolve;
mod s3;
mod schema;
mod source;
mod suggest;
mod target;
mod upstream;
mod value;

pub use answer_header::answer_header;
pub use app::{
    Access, Acme, App, Backup, BackupWhen, Budget, BuildStep, DEPLOY_COMMAND, Dependencies, Dependency, Deploy, Driver,
    Handover, Health, HealthCheck, HookOn, Job, Journal, Limits, LogFormat, Logs, MIGRATION_STYLES, Metrics,
    MigrationPolicies, MigrationSource, Migrations, Monitor, OnFailure, Overlap, Provider, Proxy, Repository, Restart,
    RestartWhen, Service, Sign, Smoke, Stop, Tls, Tolerance, Wait, Webhook, WhenFull, Window, is_branch,
};
pub use contract::{EnvContract, Variable, env_check, env_docs, env_example};
pub use cron::{Cron, CronError, Missed, Rhythm, zone};
pub use dotenv::variables_as_file;
pub use log_line::LogLine;
pub use path_pattern::path_pattern;
pub use redact::redact;
pub use reference::reference;
pub use resolve::{
    BACKUP_COMMAND, Declared, Resolved, VACUUM_COMMAND, data_of_invalid, declared, name_of_directory, resolve,
    variables_of_files,
};
pub use s3::{Credentials, Endpoint, S3};
pub use schema::schema;
pub use source::{FileMap, Files, Overrides, Sources, TextFile};
pub use suggest::did_you_mean;
pub use target::Target;
pub use upstream::Upstream;
pub use value::{parse_address, parse_bool, parse_duration, parse_signal, parse_size};
