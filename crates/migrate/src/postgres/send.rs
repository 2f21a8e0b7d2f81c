//! Statements go out as one message; the rows that they select are dropped as they come.

use database::postgres::{Session, SqlError};
use futures_util::{SinkExt, StreamExt};
use std::{io::Cursor, pin::pin};
use tokio_postgres::SimpleQueryMessage;

/// A message failed, after so many of its statements were done.
pub(super) struct NotDone {
    pub(super) error: SqlError,
    pub(super) done: usize,
}

/// Sends a text.
pub(super) async fn send(session: &Session, sql: &str) -> Result<(), NotDone> {
    let mut done = 0usize;
    let failed = |error: &tokio_postgres::Error, done: usize| NotDone { error: session.explain(error), done };
    let stream = session.client.simple_query_raw(sql).await.map_err(|error| failed(&error, 0))?;
    let mut stream = pin!(stream);
    while let Some(message) = stream.next().await {
        if let SimpleQueryMessage::CommandComplete(_) = message.map_err(|error| failed(&error, done))? {
            done += 1;
        }
    }
    Ok(())
}

/// Sends `COPY … FROM STDIN` and its rows.
pub(super) async fn rows(session: &Session, sql: &str, data: &str) -> Result<(), SqlError> {
    let explained = |error: tokio_postgres::Error| session.explain(&error);
    let sink = session.client.copy_in(sql).await.map_err(explained)?;
    let mut sink = pin!(sink);
    sink.send(Cursor::new(data.as_bytes().to_vec())).await.map_err(explained)?;
    sink.finish().await.map(drop).map_err(explained)
}
