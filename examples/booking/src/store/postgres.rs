//! PostgreSQL: one connection, opened when it is needed and again after it broke.

use super::value::{Row, Value};
use crate::Error;
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};
use tokio_postgres::{
    Client, Config, NoTls,
    error::SqlState,
    types::{ToSql, Type},
};

/// No statement of this application takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Postgres {
    config: Config,
    client: Mutex<Option<Arc<Client>>>,
}

impl Postgres {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let mut config = Config::from_str(url).map_err(|error| Error::Database(format!("DATABASE_URL: {error}")))?;
        config.connect_timeout(PATIENCE).application_name("booking-backend");
        Ok(Self { config, client: Mutex::new(None) })
    }

    pub(super) async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let rows = in_time(client.query(sql, &parameters(values))).await?.map_err(told)?;
        Ok(rows.iter().map(row).collect())
    }

    pub(super) async fn change(&self, sql: &str, values: &[Value], taken: &'static str) -> Result<u64, Error> {
        let client = self.client().await?;
        in_time(client.execute(sql, &parameters(values))).await?.map_err(|error| refused(error, taken))
    }

    /// The connection; a new one when there is none or it broke. Many statements share it: the driver pipelines them.
    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut kept = self.client.lock().await;
        if let Some(client) = kept.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let (client, connection) = in_time(self.config.connect(NoTls)).await?.map_err(told)?;
        tokio::spawn(connection);
        let client = Arc::new(client);
        *kept = Some(client.clone());
        Ok(client)
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    timeout(PATIENCE, work).await.map_err(|_| Error::Database(format!("no answer in {} s", PATIENCE.as_secs())))
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(parameter).collect()
}

fn parameter(value: &Value) -> &(dyn ToSql + Sync) {
    match value {
        Value::Text(text) => text,
        Value::Number(number) => number,
    }
}

fn row(row: &tokio_postgres::Row) -> Row {
    let value = |(at, column): (usize, &tokio_postgres::Column)| match *column.type_() {
        Type::INT8 => Value::Number(row.get(at)),
        Type::INT4 => Value::Number(row.get::<_, i32>(at).into()),
        _ => Value::Text(row.get(at)),
    };
    Row(row.columns().iter().enumerate().map(value).collect())
}

fn refused(error: tokio_postgres::Error, taken: &'static str) -> Error {
    match error.code() {
        Some(&SqlState::UNIQUE_VIOLATION) => Error::Conflict(taken),
        Some(code) if code.code().starts_with("23") => Error::Invalid(words(&error)),
        _ => told(error),
    }
}

fn told(error: tokio_postgres::Error) -> Error {
    Error::Database(words(&error))
}

/// The server's own words, or the cause below the driver's.
fn words(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(server), _) => format!("{} (SQLSTATE {})", server.message(), server.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
