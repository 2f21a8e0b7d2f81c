//! Where a server of this machine writes its own log, found without a word to it: it may be down.

use crate::local::Server;
use config::Target;
use std::path::PathBuf;

/// Why there is no log to be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLog {
    /// It has none.
    #[error("{0} has no log that it writes itself")]
    OfItsOwn(&'static str),
    /// Nobody is seen that listens there.
    #[error("no PostgreSQL is seen here at {0}")]
    NotHere(String),
    /// The process is seen, its files are not.
    #[error("its server is process {pid}, whose files this user may not see")]
    NotOurs {
        /// Of the server.
        pid: u32,
    },
    /// It goes somewhere else than to a file.
    #[error("its server, process {pid}, writes its log to {to}")]
    NoFile {
        /// Of the server.
        pid: u32,
        /// As the kernel calls it.
        to: String,
    },
}

/// The file that the PostgreSQL at `target` writes its log to now: that of its logging collector, or else where its standard error
/// leads.
///
/// # Errors
/// Why there is none.
pub async fn server_log(target: &Target) -> Result<PathBuf, NoLog> {
    let dsn = match target {
        Target::Postgres(dsn) => dsn,
        Target::Sqlite(_) => return Err(NoLog::OfItsOwn("SQLite")),
        Target::Redis(_) => return Err(NoLog::OfItsOwn("a Redis that is reached over its port")),
        _ => return Err(NoLog::OfItsOwn("it")),
    };
    let hosts = dsn.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let server = Server::find(&dsn.hosts).await.ok_or(NoLog::NotHere(hosts))?;
    if let Some(file) = server.collected_log() {
        return Ok(file);
    }
    let pid = server.pid();
    match server.standard_error() {
        Some(path) if path.is_absolute() && !path.starts_with("/dev") => Ok(path),
        Some(path) => Err(NoLog::NoFile { pid, to: path.display().to_string() }),
        None => Err(NoLog::NotOurs { pid }),
    }
}
