//! What can go wrong, and what a client is told of it.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable cannot be read.
    #[error("{name} is `{value}`, which is not a number in range")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("there is no {0} of this id")]
    NotFound(&'static str),
    /// Somebody else was faster, or the name is taken.
    #[error("{0}")]
    Conflict(&'static str),
    /// The database cannot be used now.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// The socket cannot be used.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Setting { .. } | Error::Listen(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        // The cause is for our log; a client learns no more than it can use.
        let told = match &self {
            Error::Database(cause) => {
                eprintln!("database: {cause}");
                "the database cannot be used now".to_owned()
            }
            other => other.to_string(),
        };
        (self.status(), Json(json!({ "error": told }))).into_response()
    }
}
