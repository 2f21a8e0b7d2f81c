//! The table of all keys. The reader, the hints for unknown keys, the JSON schema, the reference page and the names of
//! the variables all come from it, so they cannot drift apart.

mod backup;
mod dependencies;
mod deploy;
mod environment;
mod health;
mod journal;
mod logs;
mod migrations;
mod proxy;
mod schedule;
mod services;

pub(crate) use backup::BACKUP;
pub(crate) use dependencies::{DATABASE, DEPENDENCY};
pub(crate) use deploy::DEPLOY;
pub(crate) use environment::VARIABLE;
pub(crate) use health::{CHECK, HEALTH};
pub(crate) use journal::JOURNAL;
pub(crate) use logs::LOGS;
pub(crate) use migrations::MIGRATIONS;
pub(crate) use proxy::PROXY;
pub(crate) use schedule::{JOB, PING};
pub(crate) use services::{RESTART, SERVICE, STOP};

use super::{Kind, Section, key::key};

/// The whole file.
pub(crate) static ROOT: Section = Section {
    about: "One application. The file is `mainstay.toml` in the directory of the application; commands run there and \
            relative paths start there.",
    keys: &[
        key(
            "name",
            Kind::Text,
            "",
            "\"booking\"",
            "Short name: lower-case letters, digits, `-` and `_`. Default: the name of the directory.",
        ),
        key("data", Kind::Path, "data", "\"/var/lib/booking\"", "Every mutable path lies below it."),
        key("role", Kind::Text, "", "\"api\"", "Starts only the services of this role. Default: all services."),
        key(
            "env_files",
            Kind::Texts,
            "",
            "[\".env\", \".env.prod\"]",
            "Files of variables, a later one wins over an earlier one, the process's environment over all. Default: `.env`, if it exists.",
        ),
        key(
            "env",
            Kind::Contract(&VARIABLE),
            "",
            "",
            "The environment contract: every variable that the application reads, declared once.",
        ),
        key(
            "databases",
            Kind::Map(&DATABASE),
            "",
            "",
            "PostgreSQL and SQLite databases by name. Without any, migrations and services that need `main` get one from the variables, or an SQLite file below `data`.",
        ),
        key(
            "dependencies",
            Kind::Map(&DEPENDENCY),
            "",
            "",
            "What else services need, by name: Redis, a port, a URL, a socket, a file, a command.",
        ),
        key(
            "on_failure",
            Kind::Choice(&["stop", "degrade", "strict", "degraded"]),
            "stop",
            "\"degrade\"",
            "What a gate that stays closed means: `stop` starts nothing, `degrade` starts the services all the same, and health says `degraded`. Migrations without an `on_failure` of their own follow it.",
        ),
        key(
            "migrations",
            Kind::Table(&MIGRATIONS),
            "",
            "",
            "What brings the schema up to date before the services start.",
        ),
        key("services", Kind::Map(&SERVICE), "", "", "The supervised processes by name."),
        key("schedule", Kind::Map(&JOB), "", "", "Jobs by name, run beside the services when they are due."),
        key(
            "scheduler",
            Kind::Bool,
            "true",
            "false",
            "Are the jobs of `[schedule]` run? `false` where another instance runs them.",
        ),
        key(
            "failsafe",
            Kind::Bool,
            "false",
            "true",
            "No heavy background work: no job of `[schedule]` is run, and services see `MAINSTAY_FAILSAFE=true`.",
        ),
        key("health", Kind::Table(&HEALTH), "", "", "mainstay's own health endpoint."),
        key("logs", Kind::Table(&LOGS), "", "", "Where the lines of the services are kept."),
        key("backup", Kind::Table(&BACKUP), "", "", "Copies of the databases."),
        key("journal", Kind::Table(&JOURNAL), "", "", "How long what happens is remembered."),
        key(
            "proxy",
            Kind::Table(&PROXY),
            "",
            "",
            "Requests are taken for a service, and none is lost while its releases change.",
        ),
        key("deploy", Kind::Table(&DEPLOY), "", "", "How releases are made and brought live."),
    ],
};
