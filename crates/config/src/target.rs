//! Where something is that can be waited for, parsed from a URL.

mod parse;
pub(crate) mod socket;

use crate::{
    dsn::{PostgresDsn, RedisDsn},
    redact::redact,
};
use report::Secret;
use std::{fmt, path::PathBuf};

/// Where something is that can be waited for. Prints as a URL without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// `postgres://`, `postgresql://`
    Postgres(PostgresDsn),
    /// `sqlite:path`, `sqlite://path`, `sqlite:///absolute`, and SQLAlchemy's `sqlite:///./relative`, `sqlite:////absolute`
    Sqlite(PathBuf),
    /// `redis://`, `rediss://`, `redis+unix://`
    Redis(RedisDsn),
    /// `tcp://host:port`
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// `http://`, `https://`; ready on a 2xx or 3xx answer, or on exactly the status of `#status=204`
    Http {
        /// The whole URL, without the fragment.
        url: String,
        /// The status that means ready, when it is not any 2xx or 3xx.
        status: Option<u16>,
    },
    /// `unix:/path`: a socket that accepts
    Unix(PathBuf),
    /// `file:/path`: it exists
    File(PathBuf),
    /// `exec:program arg …`: it ends with 0
    Command(Vec<String>),
}

impl Target {
    /// The password inside, if there is one.
    pub fn password(&self) -> Option<Secret> {
        match self {
            Target::Postgres(dsn) => dsn.password.clone(),
            Target::Redis(dsn) => dsn.password.clone(),
            Target::Http { url, .. } => {
                let hidden = crate::redact::secrets(url).into_iter().next()?;
                Some(Secret::new(&url[hidden]))
            }
            _ => None,
        }
    }

    /// What kind of thing it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Target::Postgres(_) => "PostgreSQL",
            Target::Sqlite(_) => "SQLite",
            Target::Redis(_) => "Redis",
            Target::Tcp { .. } => "TCP port",
            Target::Http { .. } => "HTTP",
            Target::Unix(_) => "unix socket",
            Target::File(_) => "file",
            Target::Command(_) => "command",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Postgres(dsn) => write!(f, "{dsn}"),
            Target::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Target::Redis(dsn) => write!(f, "{dsn}"),
            Target::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Target::Http { url, .. } => f.write_str(&redact(url)),
            Target::Unix(path) => write!(f, "unix:{}", path.display()),
            Target::File(path) => write!(f, "file:{}", path.display()),
            Target::Command(argv) => write!(f, "exec:{}", redact(&shell_words::join(argv))),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Postgres(dsn) => f.debug_tuple("Postgres").field(dsn).finish(),
            Target::Redis(dsn) => f.debug_tuple("Redis").field(dsn).finish(),
            Target::Http { status: Some(status), .. } => write!(f, "{self}#status={status}"),
            other => write!(f, "{other}"),
        }
    }
}
