//! What is meant: a complete, valid application. Nothing here is optional unless its absence has a meaning.

mod backup;
mod dependency;
mod deploy;
mod health;
mod health_check;
mod job;
mod journal;
mod logs;
mod migrations;
mod paths;
mod proxy;
mod secrets;
mod service;

pub use backup::Backup;
pub use dependency::{Access, Dependency, Monitor, Wait};
pub use deploy::{
    BackupWhen, BuildStep, DEPLOY_COMMAND, Dependencies, Deploy, Driver, HookOn, Provider, Repository, Smoke, Webhook,
    is_branch,
};
pub use health::{Health, Metrics};
pub use health_check::{HealthCheck, Sign, Window};
pub use job::{Job, Overlap};
pub use journal::Journal;
pub use logs::{LogFormat, Logs, WhenFull};
pub use migrations::{MIGRATION_STYLES, MigrationPolicies, MigrationSource, Migrations, Tolerance};
pub use proxy::{Acme, Proxy, Tls};
pub use service::{Budget, Handover, Limits, Restart, RestartWhen, Service, Stop};

use crate::EnvContract;
use std::{collections::BTreeMap, path::PathBuf};

/// One application, as its `mainstay.toml`, its environment and the flags describe it together. Prints without secrets:
/// of variables the names alone.
#[derive(Clone, PartialEq)]
pub struct App {
    /// Short name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// The directory of `mainstay.toml`; commands run there and relative paths start there.
    pub root: PathBuf,
    /// Every mutable path lies below it. Absolute.
    pub data: PathBuf,
    /// Is there a data directory? `run` without a file keeps nothing and takes no lock, unless it is given one.
    pub keeps_data: bool,
    /// The declared variables.
    pub contract: EnvContract,
    /// The environment that services and migrations get: the process's own, completed by the `.env` files, the aliases
    /// and the defaults of the contract.
    pub env: BTreeMap<String, String>,
    /// Databases and other dependencies by name, in the order of the file, databases first.
    pub dependencies: Vec<Dependency>,
    /// What a gate that stays closed means for the start.
    pub on_failure: OnFailure,
    /// The migrations, if there are any.
    pub migrations: Option<Migrations>,
    /// The services of the chosen role, each after those it needs.
    pub services: Vec<Service>,
    /// The jobs of the chosen role, in the order of the file.
    pub jobs: Vec<Job>,
    /// Are jobs run?
    pub scheduler: bool,
    /// No heavy background work: no jobs.
    pub failsafe: bool,
    /// mainstay's own health endpoint.
    pub health: Health,
    /// Where the lines of the services are kept.
    pub logs: Logs,
    /// Copies of the databases.
    pub backup: Backup,
    /// How long what happens is remembered.
    pub journal: Journal,
    /// Where requests are taken for a service; nothing where the file does not say so.
    pub proxy: Option<Proxy>,
    /// How releases are made; nothing where the file does not say so.
    pub deploy: Option<Deploy>,
    /// The roles that the file knows, whichever is chosen.
    pub roles: Vec<String>,
}

impl App {
    /// The dependency of this name.
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|dependency| dependency.name == name)
    }

    /// The job of this name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// Why no job is run, if that is so.
    pub fn jobs_are_off(&self) -> Option<&'static str> {
        match (self.failsafe, self.scheduler) {
            (true, _) => Some("failsafe"),
            (false, false) => Some("scheduler = false"),
            (false, true) => None,
        }
    }
}

/// What a closed gate or a failed migration means for the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing is started; exit 1.
    #[default]
    Stop,
    /// Services are started all the same; health says `degraded`.
    Degrade,
}
