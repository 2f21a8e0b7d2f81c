//! Is there a pooler between us and the server?

use crate::{MigrateError, postgres::ask::cell};
use database::postgres::Session;

/// What is at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The server itself.
    Direct,
    /// A pooler. Whether it gives us one session for good or one for each transaction it does not say, so nothing may
    /// depend on the session.
    Pooled {
        /// The process that was announced to us: the pooler's invention.
        announced: i32,
        /// The process that answered.
        answers: i32,
    },
}

/// A pooler gives itself away: the process it announces (BackendKeyData) is not the one that answers.
pub(crate) async fn way(session: &Session) -> Result<Way, MigrateError> {
    let answers = cell(session, "ask who answers", "SELECT pg_catalog.pg_backend_pid()").await?;
    Ok(match (session.backend_pid, answers.and_then(|pid| pid.parse().ok())) {
        (Some(announced), Some(answers)) if announced != answers => Way::Pooled { announced, answers },
        _ => Way::Direct,
    })
}
