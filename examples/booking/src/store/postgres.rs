//! PostgreSQL: one connection, opened when it is needed and again after it broke or went silent.

use super::value::{Row, Value};
use crate::Error;
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::AbortHandle, time::timeout};
use tokio_postgres::{
    Client, Config, NoTls,
    error::SqlState,
    types::{ToSql, Type},
};

/// No statement of this application takes longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Postgres {
    config: Config,
    patience: Duration,
    kept: Mutex<Option<Connected>>,
}

/// A connection, and the task that carries it.
#[derive(Clone)]
struct Connected {
    client: Arc<Client>,
    task: AbortHandle,
}

impl Postgres {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let mut config = Config::from_str(url).map_err(|error| Error::Database(format!("DATABASE_URL: {error}")))?;
        config.connect_timeout(PATIENCE).application_name("booking-backend");
        Ok(Self { config, patience: PATIENCE, kept: Mutex::new(None) })
    }

    pub(super) async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let connected = self.connected().await?;
        let rows = self.answered(&connected, connected.client.query(sql, &parameters(values))).await?.map_err(told)?;
        Ok(rows.iter().map(row).collect())
    }

    pub(super) async fn change(&self, sql: &str, values: &[Value], taken: &'static str) -> Result<u64, Error> {
        let connected = self.connected().await?;
        let changed = self.answered(&connected, connected.client.execute(sql, &parameters(values))).await?;
        changed.map_err(|error| refused(error, taken))
    }

    /// What the server answers in time. A connection that does not answer is given up: when a network goes silent, nobody
    /// closes it, and it would be asked in vain for many minutes.
    async fn answered<T>(&self, connected: &Connected, work: impl Future<Output = T>) -> Result<T, Error> {
        let answer = self.in_time(work).await;
        if answer.is_err() {
            connected.task.abort();
            self.kept.lock().await.take_if(|kept| Arc::ptr_eq(&kept.client, &connected.client));
        }
        answer
    }

    /// The connection; a new one when there is none or it broke. Many statements share it: the driver pipelines them.
    async fn connected(&self) -> Result<Connected, Error> {
        self.in_time(async {
            let mut kept = self.kept.lock().await;
            if let Some(connected) = kept.as_ref().filter(|it| !it.client.is_closed()) {
                return Ok(connected.clone());
            }
            let (client, connection) = self.config.connect(NoTls).await.map_err(told)?;
            let connected = Connected { client: Arc::new(client), task: tokio::spawn(connection).abort_handle() };
            *kept = Some(connected.clone());
            Ok(connected)
        })
        .await?
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let late = |_| Error::Database(format!("no answer in {} s", self.patience.as_secs_f32()));
        timeout(self.patience, work).await.map_err(late)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Cluster, Fault, FaultProxy};

    /// A network that goes silent closes nothing: the next statement must not wait for the old connection.
    #[tokio::test]
    async fn a_connection_that_went_silent_is_replaced() {
        let cluster = Cluster::start();
        let proxy = FaultProxy::start(cluster.port());
        let url = cluster.url().replace(&cluster.port().to_string(), &proxy.port().to_string());
        let mut postgres = Postgres::new(&url).unwrap();
        assert_eq!(postgres.rows("select 1", &[]).await.unwrap().len(), 1);
        proxy.set(Fault::Stall);
        postgres.patience = Duration::from_millis(200);
        assert!(postgres.rows("select 1", &[]).await.unwrap_err().to_string().contains("no answer in 0.2 s"));
        proxy.set(Fault::Pass);
        postgres.patience = PATIENCE;
        assert_eq!(postgres.rows("select 1", &[]).await.unwrap().len(), 1);
        assert_eq!(proxy.connections().len(), 2);
    }
}
