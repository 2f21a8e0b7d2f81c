//! A session with a server, and the words in which it ends.

use super::{SqlError, ear::Heard};
use config::dsn::Host;
use std::{collections::BTreeMap, fmt, future::poll_fn, os::fd::OwnedFd, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{AsyncMessage, Client, Connection, tls::TlsStream};

/// A session with one server. Dropping it ends it; [`Session::close`] ends it politely.
pub struct Session {
    /// Speaks SQL.
    pub client: Client,
    /// The host that it is with, of those in the settings.
    pub host: Host,
    /// What the server reported at the start: `server_version`, `in_hot_standby` (PostgreSQL 14 and later), ...
    pub parameters: BTreeMap<String, String>,
    /// The server process that serves it, as in `pg_stat_activity`.
    pub backend_pid: Option<i32>,
    heard: Heard,
    driver: Driver,
    /// The same socket; open as long as this is.
    line: Option<OwnedFd>,
    /// Closed when the session has ended.
    end: watch::Receiver<()>,
}

/// The task that drives a session; ends with it.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The parameters that every server reports and somebody here reads.
const REPORTED: [&str; 8] = [
    "server_version",
    "server_encoding",
    "client_encoding",
    "session_authorization",
    "is_superuser",
    "in_hot_standby",
    "default_transaction_read_only",
    "TimeZone",
];

impl Session {
    /// Drives `connection` in the background.
    pub(super) fn begin<S, T>(
        client: Client,
        connection: Connection<S, T>,
        host: Host,
        heard: Heard,
        line: Option<OwnedFd>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: TlsStream + Unpin + Send + 'static,
    {
        let reported =
            REPORTED.iter().filter_map(|name| Some(((*name).to_owned(), connection.parameter(name)?.to_owned())));
        let parameters = reported.collect();
        let (alive, end) = watch::channel(());
        let (driven, backend_pid) = (drive(connection, heard.clone()), heard.backend_pid());
        let driver = Driver(tokio::spawn(async move {
            driven.await;
            drop(alive);
        }));
        Self { client, host, parameters, backend_pid, heard, driver, line, end }
    }

    /// A parameter that the server reported at the start.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The server's major version; 0 when it does not tell.
    pub fn major(&self) -> u32 {
        self.parameter("server_version").map_or(0, major)
    }

    /// The notices so far, the latest last, a few of them.
    pub fn notices(&self) -> Vec<SqlError> {
        self.heard.notices()
    }

    /// `error` of this session; when it only says that the connection is gone, the server's last words instead.
    pub fn explain(&self, error: &tokio_postgres::Error) -> SqlError {
        let error = SqlError::from(error);
        if error.code == super::error::LOST { self.heard.last_words().unwrap_or(error) } else { error }
    }

    /// From now on the server may send so many bytes; more end the session.
    pub(super) fn allow(&self, bytes: usize) {
        self.heard.allow(bytes);
    }

    /// Resolves once the session has ended, whoever ended it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut end = self.end.clone();
        async move { while end.changed().await.is_ok() {} }
    }

    /// Its socket, for the next version of this process, which cannot speak on it but keeps it open, and with it what the server has
    /// granted the session. Nothing when this process had no descriptor left for it.
    pub fn line(&self) -> Option<&OwnedFd> {
        self.line.as_ref()
    }

    /// Says goodbye, so that the server does not learn it from a broken connection. Waits a second at most.
    pub async fn close(self) {
        let Self { client, mut driver, .. } = self;
        drop(client);
        // Too late is as good as never: the guard ends the task.
        let _ = timeout(Duration::from_secs(1), &mut driver.0).await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("host", &self.host)
            .field("backend_pid", &self.backend_pid)
            .finish_non_exhaustive()
    }
}

/// Until either side ends it.
async fn drive<S, T>(mut connection: Connection<S, T>, heard: Heard)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: TlsStream + Unpin,
{
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => heard.notice(SqlError::from(&notice)),
            Ok(_) => {}
            Err(error) => return heard.ended(SqlError::from(&error)),
        }
    }
}

fn major(version: &str) -> u32 {
    version.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::major;

    /// Distributions add to it, and what is not released yet has a word in it.
    #[test]
    fn the_major_version_is_the_leading_number() {
        assert_eq!((major("13.23"), major("15.18 (Debian)"), major("18beta1"), major("")), (13, 15, 18, 0));
    }
}
