//! Logs in at one host.

use super::{
    Session, SqlError,
    ear::Heard,
    wire::{self, Encryption, Ours, Wire},
};
use crate::{Patience, Refusal, ServerState, socket, tls};
use config::dsn::{ChannelBinding, Host, PostgresDsn, SslMode};
use retry::Deadline;
use tokio_postgres::config::{self as driver, SslNegotiation};

/// Logs in at `host`, as `name`; tries with and without TLS as libpq does for each `sslmode`.
pub(super) async fn login(dsn: &PostgresDsn, host: &Host, name: &str, deadline: &Deadline) -> Result<Session, Refusal> {
    let mut first: Option<Refusal> = None;
    for encryption in ways(dsn.sslmode, host) {
        match attempt(dsn, host, name, *encryption, deadline).await {
            Ok(session) => return Ok(session),
            Err(Failure { refusal, encrypted }) if other_way_may_do(*encryption, encrypted, &refusal) => {
                first = first.or(Some(refusal));
            }
            Err(Failure { refusal, .. }) => return Err(refusal),
        }
    }
    Err(first.unwrap_or_else(|| socket::closed(&host.to_string())))
}

/// The ways to try, in order. There is no TLS over a unix socket.
fn ways(mode: SslMode, host: &Host) -> &'static [Encryption] {
    match (mode, host) {
        (_, Host::Unix(..)) | (SslMode::Disable, _) => &[Encryption::Plain],
        (SslMode::Allow, _) => &[Encryption::Plain, Encryption::Insisted],
        (SslMode::Prefer, _) => &[Encryption::Offered, Encryption::Plain],
        (SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull, _) => &[Encryption::Insisted],
    }
}

/// A try that failed.
struct Failure {
    refusal: Refusal,
    encrypted: bool,
}

/// May it go better with, or without, TLS? `pg_hba.conf` may admit only one of them (28000, in whatever language).
fn other_way_may_do(encryption: Encryption, encrypted: bool, refusal: &Refusal) -> bool {
    match refusal.code.as_deref() {
        Some(tls::CODE) => true,
        // Without TLS it has been tried just now, and each try is a line in the server's log.
        Some("28000") if encryption == Encryption::Offered && !encrypted => false,
        Some("28000") => refusal.message.contains("pg_hba.conf") || !refusal.message.is_ascii(),
        _ => false,
    }
}

async fn attempt(
    dsn: &PostgresDsn,
    host: &Host,
    name: &str,
    encryption: Encryption,
    deadline: &Deadline,
) -> Result<Session, Failure> {
    let heard = Heard::default();
    let wire = wire::open(dsn, host, encryption, &heard, deadline).await;
    let mut wire = wire.map_err(|refusal| Failure { refusal, encrypted: false })?;
    let (encrypted, line) = (wire.encrypted(), wire.take_line());
    let settings = settings(dsn, name);
    let failure = |refusal| Failure { refusal, encrypted };
    match wire::answered(host, deadline, settings.connect_raw(wire, Ours)).await.map_err(failure)? {
        Ok((client, connection)) => Ok(Session::begin::<Wire, Wire>(client, connection, host.clone(), heard, line)),
        Err(error) => Err(failure(explain(&error, &heard, host))),
    }
}

/// TLS is already there, or not wanted: to the driver the connection looks as if it began with TLS.
fn settings(dsn: &PostgresDsn, name: &str) -> tokio_postgres::Config {
    let mut settings = tokio_postgres::Config::new();
    settings.user(&dsn.user).dbname(&dsn.database).application_name(name);
    settings.ssl_mode(driver::SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    settings.channel_binding(match dsn.channel_binding {
        ChannelBinding::Disable => driver::ChannelBinding::Disable,
        ChannelBinding::Prefer => driver::ChannelBinding::Prefer,
        ChannelBinding::Require => driver::ChannelBinding::Require,
    });
    if let Some(password) = &dsn.password {
        settings.password(password.reveal());
    }
    if let Some(options) = &dsn.options {
        settings.options(options);
    }
    settings
}

fn explain(error: &tokio_postgres::Error, heard: &Heard, host: &Host) -> Refusal {
    if error.as_db_error().is_some() {
        return SqlError::from(error).refusal();
    }
    if let Some(words) = heard.last_words() {
        return words.refusal();
    }
    let seen = SqlError::from(error);
    if seen.lost {
        return socket::closed(&host.to_string());
    }
    of_the_driver(&seen.message, host)
}

/// The driver tells these apart by their text only.
fn of_the_driver(message: &str, host: &Host) -> Refusal {
    let denied = |message: String, hint: &str| Refusal {
        state: ServerState::Denied,
        patience: Patience::None,
        code: None,
        message,
        detail: None,
        hint: Some(hint.into()),
    };
    if message.contains("password missing") {
        return denied(
            format!("{host} asks for a password and none is set"),
            "set it in the URL, in PGPASSWORD or in the password file",
        );
    }
    if message.contains("authentication") || message.contains("channel binding") {
        return denied(
            format!("could not log in at {host}: {message}"),
            "is the server's authentication method in pg_hba.conf scram-sha-256 or md5?",
        );
    }
    let strange = SqlError {
        code: "08P01".into(),
        message: format!("{host} does not speak PostgreSQL's protocol: {message}"),
        ..SqlError::default()
    };
    strange.refusal()
}
