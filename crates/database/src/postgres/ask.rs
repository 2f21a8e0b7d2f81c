//! The one question: is this database what the application needs?

use super::{Session, SqlError, connect};
use crate::{Refusal, ServerState, socket};
use config::{
    Access,
    dsn::{Host, PostgresDsn},
};
use futures_util::StreamExt;
use retry::Deadline;
use serde::Serialize;
use std::{
    pin::pin,
    time::{Duration, SystemTime},
};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// What a server said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `ready`, or `read-only` when that was enough.
    pub state: ServerState,
    /// Which server this is, in this life of it.
    pub identity: Identity,
    /// As people say it: `15.18`.
    pub version: String,
    /// `server_version_num`: 150018.
    pub version_number: u32,
    /// The host that answered, of those in the settings.
    pub host: Host,
    /// How long the server has been up, by its own clock.
    pub up: Duration,
    /// It replays a primary's log.
    pub in_recovery: bool,
    /// Transactions are read-only.
    pub read_only: bool,
    /// Reached through its socket, and `listen_addresses=''` was given on its command line: so does the temporary
    /// server of a container image's first-start scripts. Only looked at on a unix socket.
    pub socket_only_by_command_line: bool,
}

/// Which server this is, in this life of it: no two start in the same microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// When the server was started, by its own clock.
    pub started: SystemTime,
}

/// What must be known. A server that cannot answer this is not ready.
const NEEDED: &str = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only'), \
    (extract(epoch from pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint, \
    greatest(0, extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) * 1000)::bigint, \
    pg_catalog.current_setting('server_version_num')";
/// About one millisecond on the server, so only asked where it matters: on a unix socket.
const SOCKET_ONLY: &str =
    "SELECT setting = '' AND source = 'command line' FROM pg_catalog.pg_settings WHERE name = 'listen_addresses'";

/// The answers are some hundred bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Asks the database whether it can be used for `access`, in `timeout` altogether: one connection, one round trip.
///
/// Errors: why it cannot be used now. A standby, or `default_transaction_read_only`, is refused with 25006 when
/// `access` is read-write.
pub async fn ask(dsn: &PostgresDsn, access: Access, timeout: Duration) -> Result<Facts, Refusal> {
    let deadline = Deadline::after(timeout);
    let name = dsn.application_name.as_deref().unwrap_or("mainstay");
    let session = connect(dsn, name, timeout).await?;
    session.allow(LONGEST_ANSWER);
    let facts = socket::within(&deadline, &session.host.to_string(), look(&session)).await?;
    session.close().await;
    judge(facts?, access, dsn)
}

async fn look(session: &Session) -> Result<Facts, Refusal> {
    let on_socket = matches!(session.host, Host::Unix(..));
    let sql = if on_socket { [NEEDED, SOCKET_ONLY].join(";") } else { NEEDED.to_owned() };
    let explain = |error: tokio_postgres::Error| session.explain(&error);
    let mut answers = pin!(session.client.simple_query_raw(&sql).await.map_err(|error| explain(error).refusal())?);
    let mut rows = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(SimpleQueryMessage::Row(row)) => rows.push(row),
            Ok(_) => {}
            // What is only good to know may be denied; a server that ends the session is not ready.
            Err(error) => match explain(error) {
                denied if !rows.is_empty() && !denied.lost => break,
                error => return Err(error.refusal()),
            },
        }
    }
    read(session, &rows).ok_or_else(|| {
        SqlError { message: "the server's answer makes no sense".into(), ..SqlError::default() }.refusal()
    })
}

fn read(session: &Session, rows: &[SimpleQueryRow]) -> Option<Facts> {
    let (needed, socket_only) = (rows.first()?, rows.get(1));
    let micros: u64 = needed.get(2)?.parse().ok()?;
    let read_only = needed.get(1)? == "on";
    let version_number: u32 = needed.get(4)?.parse().ok()?;
    let reported = session.parameter("server_version").and_then(|version| version.split_whitespace().next());
    Some(Facts {
        state: if read_only { ServerState::ReadOnly } else { ServerState::Ready },
        identity: Identity { started: SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))? },
        version: reported.map_or_else(|| version_number.to_string(), str::to_owned),
        version_number,
        host: session.host.clone(),
        up: Duration::from_millis(needed.get(3)?.parse().ok()?),
        in_recovery: needed.get(0)? == "t",
        read_only,
        socket_only_by_command_line: socket_only.and_then(|row| row.get(0)) == Some("t"),
    })
}

fn judge(facts: Facts, access: Access, dsn: &PostgresDsn) -> Result<Facts, Refusal> {
    if access == Access::ReadOnly || !facts.read_only {
        return Ok(facts);
    }
    let message = if facts.in_recovery {
        "the server is a standby: it accepts no writes"
    } else {
        "transactions are read-only here (default_transaction_read_only)"
    };
    let refusal = SqlError { code: "25006".into(), message: message.into(), ..SqlError::default() }.refusal();
    Err(Refusal { hint: Some(hint(&facts, dsn).into()), ..refusal })
}

fn hint(facts: &Facts, dsn: &PostgresDsn) -> &'static str {
    match facts {
        Facts { in_recovery: true, .. } if dsn.hosts.len() > 1 => {
            "add target_session_attrs=read-write, so that the primary is chosen"
        }
        Facts { in_recovery: true, .. } => {
            "name the primary's address, promote this server (`pg_ctl promote`), or ask for access = \"read-only\""
        }
        _ => {
            "look for default_transaction_read_only in postgresql.conf, ALTER ROLE and ALTER DATABASE; some providers set it when the disk is full"
        }
    }
}
