//! Redis connection settings.

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
