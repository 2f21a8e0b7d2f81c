//! Which of several hosts will do: libpq's `target_session_attrs`.

use super::{Session, SqlError};
use crate::Refusal;
use config::dsn::SessionAttrs;
use tokio_postgres::SimpleQueryMessage;

/// What a session is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nature {
    /// The server replays a primary's log.
    pub(super) standby: bool,
    /// Transactions are read-only unless they say otherwise.
    pub(super) read_only: bool,
}

/// Fails unless the session is as `wanted`.
pub(super) async fn check(session: &Session, wanted: SessionAttrs) -> Result<(), Refusal> {
    if wanted == SessionAttrs::Any {
        return Ok(());
    }
    let nature = nature(session).await.map_err(|error| session.explain(&error).refusal())?;
    if fits(nature, wanted) { Ok(()) } else { Err(unfit(nature, wanted)) }
}

/// Pure: will this one do?
fn fits(nature: Nature, wanted: SessionAttrs) -> bool {
    match wanted {
        SessionAttrs::Any => true,
        SessionAttrs::ReadWrite => !nature.standby && !nature.read_only,
        SessionAttrs::ReadOnly => nature.standby || nature.read_only,
        SessionAttrs::Primary => !nature.standby,
        SessionAttrs::Standby | SessionAttrs::PreferStandby => nature.standby,
    }
}

/// PostgreSQL 14 and later report it unasked.
async fn nature(session: &Session) -> Result<Nature, tokio_postgres::Error> {
    let on = |name| match session.parameter(name)? {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    if let Some((standby, read_only)) = on("in_hot_standby").zip(on("default_transaction_read_only")) {
        return Ok(Nature { standby, read_only });
    }
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
    let answer = session.client.simple_query(sql).await?;
    let row =
        answer.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
    let is = |column, value| row.and_then(|row| row.get(column)) == Some(value);
    Ok(Nature { standby: is(0, "t"), read_only: is(1, "on") })
}

fn unfit(nature: Nature, wanted: SessionAttrs) -> Refusal {
    let seen = match nature {
        Nature { standby: true, .. } => "the server is a standby",
        Nature { read_only: true, .. } => "its transactions are read-only",
        _ => "the server is a primary",
    };
    let error = SqlError {
        code: "25006".into(),
        message: format!("{seen}, and target_session_attrs={wanted} is asked"),
        ..SqlError::default()
    };
    error.refusal()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the libpq manual, for a writable primary, a read-only primary and a standby.
    #[test]
    fn as_libpq_does() {
        let natures =
            [(false, false), (false, true), (true, true)].map(|(standby, read_only)| Nature { standby, read_only });
        let rows = [
            (SessionAttrs::Any, [true, true, true]),
            (SessionAttrs::ReadWrite, [true, false, false]),
            (SessionAttrs::ReadOnly, [false, true, true]),
            (SessionAttrs::Primary, [true, true, false]),
            (SessionAttrs::Standby, [false, false, true]),
        ];
        for (wanted, expected) in rows {
            assert_eq!(natures.map(|nature| fits(nature, wanted)), expected, "{wanted:?}");
        }
    }
}
