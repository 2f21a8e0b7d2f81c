//! A session of ours, and how SQL is written in it.

use crate::{BackupError, Job};
use config::dsn::PostgresDsn;
use database::postgres::{Session, SqlError, connect};
use std::time::Duration;
use tokio_postgres::SimpleQueryMessage;

pub(super) use database::postgres::{identifier, literal};

/// Connecting takes no longer.
const CONNECT: Duration = Duration::from_secs(30);

/// The texts or NULLs of a row.
pub(super) type Cells = Vec<Option<String>>;

/// What makes the text of a value depend on who asks, and what could end or cut short a long look.
const FIXED: &str = "SET search_path = ''; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; \
    SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET lc_monetary = 'C'; \
    SET row_security = off; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; \
    SET client_min_messages = warning; SET default_transaction_read_only = off; SET lock_timeout = '30s'";

/// A session of ours.
pub(super) struct Talk(pub(super) Session);

impl Talk {
    /// Connects, with settings that are the same wherever a text is compared.
    pub(super) async fn open(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Self, BackupError> {
        let session = connect(dsn, job.session_name, CONNECT).await;
        let session = session
            .map_err(|refusal| BackupError::Refused { doing: "connect to the database", refusal: Box::new(refusal) })?;
        let talk = Self(session);
        talk.run("begin a session", FIXED).await?;
        Ok(talk)
    }

    /// The same in another database of the server.
    pub(super) async fn open_in(job: &Job<'_>, dsn: &PostgresDsn, database: &str) -> Result<Self, BackupError> {
        Self::open(job, &PostgresDsn { database: database.to_owned(), ..dsn.clone() }).await
    }

    /// The rows of one question.
    pub(super) async fn ask(&self, doing: &'static str, sql: &str) -> Result<Vec<Cells>, BackupError> {
        let error = |error: tokio_postgres::Error| BackupError::sql(doing, self.0.explain(&error));
        let messages = self.0.client.simple_query(sql).await.map_err(error)?;
        let row = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }

    /// The first cell of the first row.
    pub(super) async fn one(&self, doing: &'static str, sql: &str) -> Result<Option<String>, BackupError> {
        Ok(self.ask(doing, sql).await?.into_iter().flatten().next().flatten())
    }

    /// The same as a text that has to be there.
    pub(super) async fn text(&self, doing: &'static str, sql: &str) -> Result<String, BackupError> {
        let nothing = || {
            BackupError::sql(doing, SqlError { message: "the server answered nothing".into(), ..SqlError::default() })
        };
        self.one(doing, sql).await?.ok_or_else(nothing)
    }

    /// Statements without an answer.
    pub(super) async fn run(&self, doing: &'static str, sql: &str) -> Result<(), BackupError> {
        let error = |error: tokio_postgres::Error| BackupError::sql(doing, self.0.explain(&error));
        self.0.client.batch_execute(sql).await.map_err(error)
    }

    /// The server's major version.
    pub(super) fn major(&self) -> u32 {
        self.0.major()
    }

    /// The server's version: `15.18`.
    pub(super) fn version(&self) -> String {
        let version = self.0.parameter("server_version").unwrap_or_default();
        version.split_whitespace().next().unwrap_or_default().to_owned()
    }

    pub(super) async fn close(self) {
        self.0.close().await;
    }
}

/// Did the server answer with this SQLSTATE?
pub(super) fn is_code(error: &BackupError, codes: &[&str]) -> bool {
    match error {
        BackupError::Sql { error, .. } => codes.contains(&error.code.as_str()),
        BackupError::Refused { refusal, .. } => refusal.code.as_deref().is_some_and(|code| codes.contains(&code)),
        _ => false,
    }
}
