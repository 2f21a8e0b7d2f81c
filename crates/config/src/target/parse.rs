//! From a URL to a [`Target`].

use super::{Target, socket};
use crate::{
    dsn::{
        Surroundings, TargetError, postgres, redis, sqlite,
        url::{decode, host_and_port},
    },
    suggest::did_you_mean,
};
use std::path::{Path, PathBuf};

const SCHEMES: [&str; 13] = [
    "postgres",
    "postgresql",
    "sqlite",
    "redis",
    "rediss",
    "redis+unix",
    "tcp",
    "http",
    "https",
    "unix",
    "file",
    "exec",
    "jdbc:postgresql",
];

/// The usual port of what mainstay can only wait for.
const FOREIGN: [(&str, u16); 8] = [
    ("mysql", 3306),
    ("mariadb", 3306),
    ("mongodb", 27017),
    ("amqp", 5672),
    ("amqps", 5671),
    ("nats", 4222),
    ("kafka", 9092),
    ("memcached", 11211),
];

impl Target {
    /// Reads a URL by itself: a PostgreSQL URL has to name its user.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        Self::parse_in(text, &Surroundings::default())
    }

    /// Reads a URL and fills its gaps from what surrounds it.
    pub fn parse_in(text: &str, around: &Surroundings<'_>) -> Result<Self, TargetError> {
        let text = text.trim();
        if postgres::is_conninfo(text) {
            return postgres::parse(text, around).map(Target::Postgres);
        }
        let Some((scheme, rest)) = split_scheme(text) else { return Err(no_scheme(text)) };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        match scheme.split('+').next().unwrap_or(scheme) {
            _ if postgres::Settings::is_scheme(scheme) => postgres::parse(text, around).map(Target::Postgres),
            "sqlite" | "sqlite3" => sqlite::parse(text, around).map(Target::Sqlite),
            "redis" | "rediss" | "redis-socket" => redis::parse(text).map(Target::Redis),
            "tcp" => tcp(text, rest),
            "http" | "https" => http(text, rest),
            "unix" => unix(text, rest),
            "file" => path(text, rest).map(Target::File),
            "exec" => command(text, rest),
            other => Err(unknown_scheme(text, other)),
        }
    }

    /// The same with relative paths made absolute below `root`.
    #[must_use]
    pub fn below(self, root: &Path) -> Self {
        match self {
            Target::Sqlite(path) => Target::Sqlite(root.join(path)),
            Target::Unix(path) => Target::Unix(root.join(path)),
            Target::File(path) => Target::File(root.join(path)),
            other => other,
        }
    }
}

/// A scheme is followed by `:`; `host:5432` has none, for a port is a number.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let at = if text.starts_with("jdbc:") { text.find("://")? } else { text.find(':')? };
    let (scheme, rest) = (&text[..at], &text[at + 1..]);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | ':');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(plain);
    let is_port =
        rest.split('/').next().is_some_and(|port| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()));
    (is_scheme && (!is_port || SCHEMES.contains(&scheme))).then_some((scheme, rest))
}

fn no_scheme(text: &str) -> TargetError {
    let hint = match text.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => format!("write `tcp://{text}` to wait for an open port"),
        _ => {
            "write for example `postgres://user@host/database`, `sqlite:data/app.db`, `redis://host`, `tcp://host:port`"
                .into()
        }
    };
    TargetError::new(text, "it is no URL: it does not say what is there").hint(hint)
}

fn unknown_scheme(text: &str, scheme: &str) -> TargetError {
    let hint = match FOREIGN.iter().find(|(name, _)| *name == scheme) {
        Some((_, port)) => format!("its port can be waited for: `tcp://host:{port}`"),
        None => did_you_mean(scheme, SCHEMES)
            .unwrap_or("known are `postgres`, `sqlite`, `redis`, `tcp`, `http`, `unix`, `file` and `exec`".into()),
    };
    TargetError::new(text, format!("`{scheme}` is nothing that mainstay knows")).hint(hint)
}

fn tcp(text: &str, rest: &str) -> Result<Target, TargetError> {
    let (host, port) = host_and_port(text, rest.trim_end_matches('/'))?;
    let Some(port) = port else {
        return Err(TargetError::new(text, "it names no port").hint("write `tcp://127.0.0.1:8000`"));
    };
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
    Ok(Target::Tcp { host, port })
}

fn http(text: &str, rest: &str) -> Result<Target, TargetError> {
    let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let (host, _) = host_and_port(text, place)?;
    if host.is_empty() {
        return Err(TargetError::new(text, "it names no host").hint("write `http://127.0.0.1:8000/health`"));
    }
    let status = match fragment.strip_prefix("status=") {
        None if fragment.is_empty() => None,
        status => match status.and_then(|status| status.parse::<u16>().ok()).filter(|it| (100..600).contains(it)) {
            Some(status) => Some(status),
            None => {
                return Err(TargetError::new(text, format!("`#{fragment}` is no status")).hint("write `#status=204`"));
            }
        },
    };
    Ok(Target::Http { url: url.to_owned(), status })
}

fn path(text: &str, rest: &str) -> Result<PathBuf, TargetError> {
    match decode(text, rest)? {
        path if path.is_empty() => {
            Err(TargetError::new(text, "it names no path").hint("write `file:/path` or `unix:/path`"))
        }
        path => Ok(PathBuf::from(path)),
    }
}

fn unix(text: &str, rest: &str) -> Result<Target, TargetError> {
    let path = path(text, rest)?;
    socket::fits(text, &path)?;
    Ok(Target::Unix(path))
}

fn command(text: &str, rest: &str) -> Result<Target, TargetError> {
    match crate::command::split(rest) {
        Ok(argv) => Ok(Target::Command(argv)),
        Err(problem) => Err(TargetError::new(text, problem.summary).hint(problem.hint)),
    }
}
