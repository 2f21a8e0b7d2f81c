//! Redis connection settings.

mod parse;

pub use parse::parse;

use super::encode;
use report::Secret;
use std::{fmt, path::PathBuf};

/// Everything needed to reach one Redis database. Prints as a URL without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDsn {
    /// Where the server listens.
    pub place: RedisPlace,
    /// ACL user, when it is not the default one.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// Database number.
    pub database: u32,
    /// `rediss://`: TLS, verified against the system's roots.
    pub tls: bool,
}

/// Where a Redis server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisPlace {
    /// Name or address, and port.
    Tcp(String, u16),
    /// Path of the unix socket.
    Unix(PathBuf),
}

impl RedisDsn {
    /// The whole URL with the password in it, for a program that has to be given one.
    pub fn to_url(&self) -> Secret {
        let user = encode(self.user.as_deref().unwrap_or_default());
        let login = match &self.password {
            Some(password) => format!("{user}:{}@", encode(password.reveal())),
            None if user.is_empty() => user,
            None => format!("{user}@"),
        };
        let (scheme, database) = (if self.tls { "rediss" } else { "redis" }, self.database);
        Secret::new(match &self.place {
            RedisPlace::Tcp(host, port) if host.contains(':') => {
                format!("{scheme}://{login}[{host}]:{port}/{database}")
            }
            RedisPlace::Tcp(host, port) => format!("{scheme}://{login}{}:{port}/{database}", encode(host)),
            RedisPlace::Unix(path) => format!("redis+unix://{login}{}?db={database}", path.display()),
        })
    }
}

impl fmt::Display for RedisDsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
        match &self.place {
            RedisPlace::Tcp(host, port) => {
                let scheme = if self.tls { "rediss" } else { "redis" };
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                write!(f, "{scheme}://{user}{host}:{port}/{}", self.database)
            }
            RedisPlace::Unix(path) => write!(f, "redis+unix://{user}{}?db={}", path.display(), self.database),
        }
    }
}
