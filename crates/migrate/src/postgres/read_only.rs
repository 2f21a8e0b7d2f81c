//! A statement that was refused because its transaction is read-only (SQLSTATE 25006): on a standby that is waited for; where the
//! server takes writes, the file itself has made it so, and no second try helps.

use super::ask::query;
use crate::{FileFailure, MigrateError};
use database::postgres::Session;
use retry::Transience;

pub(super) const READ_ONLY: &str = "25006";

/// The same error, or the file's own.
pub(super) async fn judged(session: &Session, error: MigrateError) -> MigrateError {
    match error {
        MigrateError::File(failure) if failure.code.as_deref() == Some(READ_ONLY) && takes_writes(session).await => {
            let hint = "the server takes writes: take `READ ONLY` and `default_transaction_read_only` out of the file";
            MigrateError::File(Box::new(FileFailure {
                hint: Some(hint.to_owned()),
                transience: Transience::Permanent,
                ..*failure
            }))
        }
        other => other,
    }
}

/// Asked of the server, not of this session, for which the file may have set something.
async fn takes_writes(session: &Session) -> bool {
    let sql = "SELECT 1 FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only' AND reset_val = 'off' \
               AND NOT pg_catalog.pg_is_in_recovery()";
    query(session, "ask whether the server takes writes", sql).await.is_ok_and(|rows| !rows.is_empty())
}
