//! PostgreSQL connection settings, with the meaning that libpq gives them (PostgreSQL manual, "Database Connection
//! Control Functions").

use report::Secret;
use std::{fmt, path::PathBuf, time::Duration};

/// Everything needed to reach one PostgreSQL database. Prints as a URL without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresDsn {
    /// Tried in this order, at least one.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The password, from the URL, `PGPASSWORD`, or the password file.
    pub password: Option<Secret>,
    /// The database.
    pub database: String,
    /// Whether and how TLS is used.
    pub sslmode: SslMode,
    /// File of trusted root certificates, or `system`.
    pub sslrootcert: Option<String>,
    /// Client certificate file.
    pub sslcert: Option<PathBuf>,
    /// Client key file.
    pub sslkey: Option<PathBuf>,
    /// Which of several hosts will do.
    pub session_attrs: SessionAttrs,
    /// Shown in `pg_stat_activity`.
    pub application_name: Option<String>,
    /// Server settings for the session, as libpq's `options`.
    pub options: Option<String>,
    /// Limit for connecting to one host.
    pub connect_timeout: Option<Duration>,
    /// Whether SCRAM is bound to the TLS channel.
    pub channel_binding: ChannelBinding,
}

/// One place where a server may listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Name or address, and port.
    Tcp(String, u16),
    /// Directory of the unix socket, and port.
    Unix(PathBuf, u16),
}

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// Plain first, TLS when the server insists.
    Allow,
    /// TLS when the server can.
    #[default]
    Prefer,
    /// TLS, unverified (unless `sslrootcert` is set: then as [`SslMode::VerifyCa`]).
    Require,
    /// TLS with a certificate of a trusted authority.
    VerifyCa,
    /// The same, and the certificate is for this host.
    VerifyFull,
}

/// libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Any server.
    #[default]
    Any,
    /// Accepts writes.
    ReadWrite,
    /// Accepts no writes by default.
    ReadOnly,
    /// Not in hot standby.
    Primary,
    /// In hot standby.
    Standby,
    /// A standby if there is one, else any.
    PreferStandby,
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// When both sides can.
    #[default]
    Prefer,
    /// Always.
    Require,
}

impl fmt::Display for PostgresDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", self.user)?;
        for (index, host) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Host::Tcp(host, port) => write!(f, "{host}:{port}"),
            Host::Unix(dir, port) => write!(f, "{}:{port}", dir.display()),
        }
    }
}
