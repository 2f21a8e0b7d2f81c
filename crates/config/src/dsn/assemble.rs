//! A target from variables, when no URL is written down.
//!
//! In this order, the first that is there: `DATABASE_URL` (of a replica: `DATABASE_URL_RO`, `DATABASE_URL_R`); `PGHOST_RW`,
//! `PGHOST` or `PGDATABASE` with the other `PG*` (of a replica: `PGHOST_RO`, `PGHOST_RR`); `DB_HOST` with the other
//! `DB_*`; `POSTGRES_HOST` with the other `POSTGRES_*`; `DB_PATH` for SQLite. Values are taken raw, so that a password
//! needs no escapes.

use super::{RedisDsn, RedisPlace, Surroundings, TargetError, postgres::Settings, url::port_number};
use crate::{Target, target::socket};
use report::Secret;
use std::path::Path;

/// Which of the variables are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The database that accepts writes.
    Writer,
    /// A replica; the writer will do when there is none.
    Reader,
}

/// The database that the variables describe, with the name of the variable that decided, if there is one.
pub(crate) fn database(part: Part, around: &Surroundings<'_>) -> Option<(&'static str, Result<Target, TargetError>)> {
    let reader = || (part == Part::Reader).then(|| from_readers(around)).flatten();
    reader().or_else(|| from_writers(around))
}

fn from_readers(around: &Surroundings<'_>) -> Option<(&'static str, Result<Target, TargetError>)> {
    url(&["DATABASE_URL_RO", "DATABASE_URL_R"], around)
        .or_else(|| parts(&["PGHOST_RO", "PGHOST_RR"], &[("port", "PGPORT")], around))
}

fn from_writers(around: &Surroundings<'_>) -> Option<(&'static str, Result<Target, TargetError>)> {
    url(&["DATABASE_URL"], around)
        .or_else(|| parts(&["PGHOST_RW", "PGHOST"], &[("port", "PGPORT")], around))
        .or_else(|| around.var("PGDATABASE").map(|_| ("PGDATABASE", postgres(Settings::new("PG* variables"), around))))
        .or_else(|| parts(&["DB_HOST"], &DB_PARTS, around))
        .or_else(|| parts(&["POSTGRES_HOST", "POSTGRES_SERVER"], &POSTGRES_PARTS, around))
        .or_else(|| around.var("DB_PATH").map(|path| ("DB_PATH", Ok(Target::Sqlite(path.into())))))
}

/// A port that is none is told under its own variable. A list of ports, one for each host, is read with the hosts.
fn bad_port(parts: &[(&'static str, &'static str)], around: &Surroundings<'_>) -> Option<(&'static str, TargetError)> {
    let (_, variable) = parts.iter().find(|(key, _)| *key == "port")?;
    let value = around.var(variable).filter(|value| !value.contains(','))?;
    let error = port_number(&format!("{variable}={value}"), value).err()?;
    Some((variable, error))
}

const DB_PARTS: [(&str, &str); 7] = [
    ("port", "DB_PORT"),
    ("user", "DB_USER"),
    ("user", "DB_USERNAME"),
    ("password", "DB_PASSWORD"),
    ("password", "DB_PASS"),
    ("dbname", "DB_NAME"),
    ("dbname", "DB_DATABASE"),
];

const POSTGRES_PARTS: [(&str, &str); 5] = [
    ("port", "POSTGRES_PORT"),
    ("user", "POSTGRES_USER"),
    ("password", "POSTGRES_PASSWORD"),
    ("dbname", "POSTGRES_DB"),
    ("dbname", "POSTGRES_DATABASE"),
];

fn url(names: &[&'static str], around: &Surroundings<'_>) -> Option<(&'static str, Result<Target, TargetError>)> {
    let (name, value) = first(names, around)?;
    Some((name, Target::parse_in(value, around)))
}

fn parts(
    hosts: &[&'static str],
    parts: &[(&'static str, &'static str)],
    around: &Surroundings<'_>,
) -> Option<(&'static str, Result<Target, TargetError>)> {
    let (name, host) = first(hosts, around)?;
    if let Some((variable, error)) = bad_port(parts, around) {
        return Some((variable, Err(error)));
    }
    let mut settings = Settings::new(format!("{name}={host}"));
    settings.set("host", host);
    for (key, variable) in parts.iter().rev() {
        if let Some(value) = around.var(variable) {
            settings.set(key, value);
        }
    }
    Some((name, postgres(settings, around)))
}

fn first<'a>(names: &[&'static str], around: &Surroundings<'a>) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, around.var(name)?)))
}

fn postgres(settings: Settings, around: &Surroundings<'_>) -> Result<Target, TargetError> {
    settings.completed(around)?.build(around).map(Target::Postgres)
}

/// The Redis that `REDIS_URL`, or else `REDIS_HOST`, `REDIS_PORT`, `REDIS_DB`, `REDIS_USER` and `REDIS_PASSWORD` describe.
pub(crate) fn redis(around: &Surroundings<'_>) -> Option<(&'static str, Result<Target, TargetError>)> {
    url(&["REDIS_URL"], around)
        .or_else(|| around.var("REDIS_HOST").map(|host| ("REDIS_HOST", redis_parts(host, around).map(Target::Redis))))
}

fn redis_parts(host: &str, around: &Surroundings<'_>) -> Result<RedisDsn, TargetError> {
    let number = around.var("REDIS_DB").unwrap_or("0");
    if host.starts_with('/') {
        socket::fits(&format!("REDIS_HOST={host}"), Path::new(host))?;
    }
    let bad_number = || TargetError::new(&format!("REDIS_DB={number}"), "`REDIS_DB` is not the number of a database");
    let port = around.var("REDIS_PORT").unwrap_or_default();
    let port = port_number(&format!("REDIS_PORT={port}"), port)?.unwrap_or(6379);
    Ok(RedisDsn {
        place: if host.starts_with('/') {
            RedisPlace::Unix(host.into())
        } else {
            RedisPlace::Tcp(host.to_owned(), port)
        },
        user: around.var("REDIS_USER").or(around.var("REDIS_USERNAME")).map(str::to_owned),
        password: around.var("REDIS_PASSWORD").map(Secret::from),
        database: number.trim().parse().map_err(|_| bad_number())?,
        tls: around
            .var("REDIS_TLS")
            .or(around.var("REDIS_SSL"))
            .is_some_and(|it| matches!(it, "1" | "true" | "yes" | "on")),
    })
}
