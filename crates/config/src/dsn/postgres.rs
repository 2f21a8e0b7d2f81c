//! PostgreSQL connection settings, with the meaning that libpq gives them (PostgreSQL manual, "Database Connection
//! Control Functions").

mod parse;
mod pgpass;
mod settings;

pub(crate) use parse::is_conninfo;
pub use parse::parse;
pub(crate) use settings::{IGNORED, PARAMETERS, Settings};

use super::encode;
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

impl PostgresDsn {
    /// The whole URL with the password in it, for a program that has to be given one.
    pub fn to_url(&self) -> Secret {
        let password = self.password.as_ref().map(|it| format!(":{}", encode(it.reveal()))).unwrap_or_default();
        let mut url =
            format!("postgres://{}{password}@{}/{}", encode(&self.user), self.url_hosts(), encode(&self.database));
        for (index, (key, value)) in self.parameters().into_iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(&format!("{key}={}", encode(&value)));
        }
        Secret::new(url)
    }

    fn url_hosts(&self) -> String {
        let host = |host: &Host| match host {
            Host::Tcp(name, port) if name.contains(':') => format!("[{name}]:{port}"),
            Host::Tcp(name, port) => format!("{}:{port}", encode(name)),
            Host::Unix(dir, port) => format!("{}:{port}", encode(&dir.to_string_lossy())),
        };
        self.hosts.iter().map(host).collect::<Vec<_>>().join(",")
    }

    /// What differs from libpq's defaults.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let text = |key, value: &Option<String>| value.clone().map(|value| (key, value));
        let path = |key, value: &Option<PathBuf>| value.as_ref().map(|it| (key, it.to_string_lossy().into_owned()));
        let sslmode = (self.sslmode != SslMode::default()).then(|| ("sslmode", self.sslmode.to_string()));
        let attrs = (self.session_attrs != SessionAttrs::default())
            .then(|| ("target_session_attrs", self.session_attrs.to_string()));
        let binding = (self.channel_binding != ChannelBinding::default())
            .then(|| ("channel_binding", self.channel_binding.to_string()));
        let timeout = self.connect_timeout.map(|it| ("connect_timeout", it.as_secs().to_string()));
        [
            sslmode,
            text("sslrootcert", &self.sslrootcert),
            path("sslcert", &self.sslcert),
            path("sslkey", &self.sslkey),
            attrs,
            text("application_name", &self.application_name),
            text("options", &self.options),
            timeout,
            binding,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A word for each variant, both ways.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// Every word, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The variant of this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$variant => $word,)*
                })
            }
        }
    };
}

words!(SslMode {
    Disable = "disable",
    Allow = "allow",
    Prefer = "prefer",
    Require = "require",
    VerifyCa = "verify-ca",
    VerifyFull = "verify-full",
});

words!(SessionAttrs {
    Any = "any",
    ReadWrite = "read-write",
    ReadOnly = "read-only",
    Primary = "primary",
    Standby = "standby",
    PreferStandby = "prefer-standby",
});

words!(ChannelBinding { Disable = "disable", Prefer = "prefer", Require = "require" });

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
