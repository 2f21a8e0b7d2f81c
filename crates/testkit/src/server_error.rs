//! What a server says when it refuses.
use std::fmt;
use std::io;

/// What the server refused, or how the connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// The SQLSTATE; empty when the connection failed before the server answered.
    pub sqlstate: String,
    /// The server's message, or the system's.
    pub message: String,
    /// The server's DETAIL; empty when there is none.
    pub detail: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.sqlstate, self.message, self.detail)
    }
}

impl ServerError {
    /// A refusal without DETAIL.
    pub fn new(sqlstate: &str, message: &str) -> Self {
        Self { sqlstate: sqlstate.into(), message: message.into(), detail: String::new() }
    }

    /// The same with a DETAIL.
    pub fn detail(self, detail: &str) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

impl std::error::Error for ServerError {}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        Self { sqlstate: String::new(), message: error.to_string(), detail: String::new() }
    }
}
