//! A database that is dropped again, whatever happens.

use super::setting;
use crate::{
    Job, MigrateError,
    engine::{Cells, Engine},
    postgres::open,
    quote::{identifier, literal},
    sql::Dialect,
};
use config::dsn::PostgresDsn;
use database::postgres::{Session, SqlError, connect};
use std::{thread, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// What all of them are called; a moment and a random number follow.
const PREFIX: &str = "mainstay_rehearsal_";
/// Dropping takes no longer; the next rehearsal sweeps up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database that is dropped with this.
pub(super) struct Throwaway {
    name: String,
    /// The database that it is dropped from.
    home: PostgresDsn,
    session_name: String,
    gone: bool,
}

impl Throwaway {
    /// Makes an empty one with the encoding, the locale and the settings of the real one.
    pub(super) async fn make(job: &Job<'_>, engine: &mut Engine, home: &PostgresDsn) -> Result<Self, MigrateError> {
        let rows = engine.ask("look how the database was made", NATURE.to_owned()).await?;
        let nature = rows.into_iter().next().unwrap_or_default();
        let name = nature.first().cloned().flatten().unwrap_or_default();
        let (home, session_name) = (home.clone(), job.who.session_name());
        // From here on it is dropped, also when we do not live to see that it was made.
        let this = Self { name, home, session_name, gone: false };
        engine.ask("make a database for the rehearsal", create(&this.name, &nature)).await?;
        for row in engine.ask("read the settings of the database", SETTINGS.to_owned()).await? {
            let sql = row.first().cloned().flatten().and_then(|text| setting(&this.name, &text));
            if let Some(sql) = sql {
                engine.ask("give the clone the settings of the database", sql).await?;
            }
        }
        Ok(this)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Drops it.
    pub(super) async fn remove(mut self, job: &Job<'_>) {
        self.gone = true;
        let dropped = timeout(PATIENCE, async {
            let session = open(job, &self.home).await?;
            drop_database(&session, &self.name).await.map_err(|error| MigrateError::sql("drop the clone", error))
        });
        let problem = match dropped.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took longer than {}", report::seconds(PATIENCE)),
        };
        job.warn("migrate.rehearsal", format!("the database `{}` was not dropped: {problem}", self.name));
    }
}

/// Interrupted: nobody will wait for us, so this waits.
impl Drop for Throwaway {
    fn drop(&mut self) {
        if self.gone {
            return;
        }
        let (name, home, session_name) = (self.name.clone(), self.home.clone(), self.session_name.clone());
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let dropped = async {
                    if let Ok(session) = connect(&home, &session_name, PATIENCE).await {
                        let _ = drop_database(&session, &name).await;
                        session.close().await;
                    }
                };
                let _ = timeout(PATIENCE, dropped).await;
            });
        };
        // Best effort; what stays is swept up by a later rehearsal.
        if let Ok(thread) = thread::Builder::new().name("drop-clone".into()).spawn(work) {
            let _ = thread.join();
        }
    }
}

/// Drops those that a rehearsal left behind that was killed, more than a day ago.
pub(super) async fn sweep(job: &Job<'_>, engine: &mut Engine) -> Result<(), MigrateError> {
    for row in engine.ask("look for clones that were left behind", stale()).await? {
        let Some(name) = row.first().cloned().flatten() else { continue };
        match engine
            .ask("drop a clone that was left behind", format!("DROP DATABASE IF EXISTS {}", identifier(&name)))
            .await
        {
            Ok(_) => job.warn("migrate.rehearsal", format!("dropped `{name}`, which an earlier rehearsal left behind")),
            Err(error) => {
                job.warn("migrate.rehearsal", format!("`{name}` was left behind by an earlier rehearsal: {error}"))
            }
        }
    }
    Ok(())
}

/// Its name tells when it was made, in UTC by the server's clock.
fn stale() -> String {
    format!(
        "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '^{PREFIX}[0-9]{{14}}_[0-9a-f]{{8}}$' \
         AND substr(datname, {}, 14) < to_char(now() AT TIME ZONE 'UTC' - interval '1 day', 'YYYYMMDDHH24MISS')",
        PREFIX.len() + 1
    )
}

/// A name for the clone, then encoding, locale and provider of the database. Older servers do not have the last columns.
const NATURE: &str = "SELECT 'mainstay_rehearsal_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') || '_' || \
     substr(md5(random()::text || clock_timestamp()::text || pg_catalog.pg_backend_pid()::text), 1, 8), \
     pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, to_jsonb(d) ->> 'datlocprovider', \
     coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') \
     FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";

const SETTINGS: &str = "SELECT unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s WHERE s.setrole = 0 AND s.setdatabase = \
     (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

fn create(name: &str, nature: &Cells) -> String {
    let text = |index: usize| nature.get(index).cloned().flatten();
    let quoted = |index: usize| literal(&text(index).unwrap_or_default(), Dialect::Postgres);
    let mut sql = format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        identifier(name),
        quoted(1),
        quoted(2),
        quoted(3)
    );
    match text(4).as_deref() {
        Some("i") => sql += &format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", quoted(5)),
        Some("b") => sql += &format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", quoted(5)),
        _ => {}
    }
    sql
}

/// Its sessions are ours, and end first; their ends take a moment.
async fn drop_database(session: &Session, name: &str) -> Result<(), SqlError> {
    let end = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
         WHERE datname = {} AND pid <> pg_catalog.pg_backend_pid()",
        literal(name, Dialect::Postgres)
    );
    let drop = format!("DROP DATABASE IF EXISTS {}", identifier(name));
    let started = Instant::now();
    loop {
        session.client.batch_execute(&end).await.map_err(|error| session.explain(&error))?;
        match session.client.batch_execute(&drop).await.map_err(|error| session.explain(&error)) {
            // Somebody is still connected.
            Err(error) if error.code == "55006" && started.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(50)).await
            }
            done => return done,
        }
    }
}
