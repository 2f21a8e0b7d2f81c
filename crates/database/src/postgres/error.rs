//! An error of the server, or of the way to it, with everything that helps to explain it.

use crate::{Refusal, postgres::sqlstate};
use retry::{Classify, Transience};
use std::{error::Error as _, fmt};
use tokio_postgres::error::{DbError, ErrorPosition};

/// The code that we give to a connection that ended without a word (connection_failure).
pub(crate) const LOST: &str = "08006";

/// An error of the server, or of the way to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct SqlError {
    /// SQLSTATE; `08006` when the connection ended without a word; empty when the driver itself failed.
    pub code: String,
    /// `ERROR`, `FATAL`, `PANIC`, or `WARNING` and below for a notice; not translated.
    pub severity: String,
    /// The primary message.
    pub message: String,
    /// DETAIL.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
    /// Where in the query, in characters, counted from 1.
    pub position: Option<u32>,
    /// Where in [`SqlError::internal_query`], in characters, counted from 1.
    pub internal_position: Option<u32>,
    /// The query that the server itself made, of a function for instance.
    pub internal_query: Option<String>,
    /// CONTEXT: the call stack in functions.
    pub context: Option<String>,
    /// Schema of what it is about.
    pub schema: Option<String>,
    /// Table that it is about.
    pub table: Option<String>,
    /// Column that it is about.
    pub column: Option<String>,
    /// Constraint that it is about.
    pub constraint: Option<String>,
    /// The connection is gone.
    pub lost: bool,
}

impl SqlError {
    /// The connection ended without a word.
    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self { code: LOST.into(), severity: "FATAL".into(), message: message.into(), lost: true, ..Self::default() }
    }

    /// The same as a refusal, for a gate.
    pub fn refusal(&self) -> Refusal {
        let verdict = sqlstate::verdict(&self.code, &self.message, self.detail.as_deref());
        Refusal {
            state: verdict.state,
            patience: verdict.patience,
            code: (!self.code.is_empty()).then(|| self.code.clone()),
            message: self.message.clone(),
            detail: self.detail.as_deref().map(|detail| detail.trim_end_matches('.').to_owned()),
            hint: self.hint.clone().or_else(|| verdict.hint.map(str::to_owned)),
        }
    }
}

impl Classify for SqlError {
    /// For a migration. Whoever has sent COMMIT knows better what a lost connection means.
    fn transience(&self) -> Transience {
        sqlstate::migration_transience(&self.code)
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {}", detail.trim_end_matches('.'))?;
        }
        if self.code.is_empty() { Ok(()) } else { write!(f, " (SQLSTATE {})", self.code) }
    }
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&tokio_postgres::Error> for SqlError {
    fn from(error: &tokio_postgres::Error) -> Self {
        if let Some(error) = error.as_db_error() {
            return Self::from(error);
        }
        let cause = error.source().map(ToString::to_string);
        let broken = error.source().is_some_and(|cause| cause.is::<std::io::Error>());
        if error.is_closed() || broken {
            return Self::lost(cause.map_or_else(
                || "the connection was closed".into(),
                |cause| format!("the connection was lost: {cause}"),
            ));
        }
        let message = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        Self { severity: "ERROR".into(), message, ..Self::default() }
    }
}

impl From<&DbError> for SqlError {
    fn from(error: &DbError) -> Self {
        let text = |field: Option<&str>| field.map(str::to_owned);
        let (position, internal_position, internal_query) = match error.position() {
            Some(ErrorPosition::Original(at)) => (Some(*at), None, None),
            Some(ErrorPosition::Internal { position, query }) => (None, Some(*position), Some(query.clone())),
            None => (None, None, None),
        };
        let severity =
            error.parsed_severity().map_or_else(|| error.severity().to_owned(), |severity| severity.to_string());
        Self {
            code: error.code().code().to_owned(),
            lost: matches!(severity.as_str(), "FATAL" | "PANIC"),
            severity,
            message: error.message().to_owned(),
            detail: text(error.detail()),
            hint: text(error.hint()),
            position,
            internal_position,
            internal_query,
            context: text(error.where_()),
            schema: text(error.schema()),
            table: text(error.table()),
            column: text(error.column()),
            constraint: text(error.constraint()),
        }
    }
}
