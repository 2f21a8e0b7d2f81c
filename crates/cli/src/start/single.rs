//! The lock of a job among all hosts: held by a session with a PostgreSQL, and taken again when that was lost.

use super::world::Told;
use config::{App, Job, Target, dsn::PostgresDsn};
use database::postgres::{self, Session};
use report::{Event, Journal, Level};
use retry::Backoff;
use std::{sync::Arc, time::Duration};
use supervise::schedule::{NoLock, lock_key};
use tokio::{task::JoinHandle, time::sleep};

/// The pauses between tries to take a lost lock again.
const AGAIN: Backoff = Backoff::doubling(Duration::from_millis(250), Duration::from_secs(5));

/// The lock, until dropped. A run is not ended for a connection that is: it is told that others may run the job now.
pub(super) struct Single(JoinHandle<()>);

impl Drop for Single {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The lock `key` in `database`, held by a session that bears `name` for those who wait.
pub(super) async fn lock_for_all(
    app: &App,
    service: &str,
    database: &str,
    key: i64,
    name: String,
) -> Result<Session, NoLock> {
    Place::of(app, service, database, key, name)?.take().await
}

/// Where the lock of a job or a service is.
struct Place {
    job: String,
    name: String,
    database: String,
    dsn: PostgresDsn,
    patience: Duration,
    key: i64,
}

impl Single {
    /// Nobody else on any host runs `job`.
    pub(super) async fn take(app: &App, job: &Job, database: &str, journal: Arc<Told>) -> Result<Self, NoLock> {
        let key = lock_key(&app.name, &job.name);
        let place = Place::of(app, &job.name, database, key, format!("mainstay job {}", job.name))?;
        let session = place.take().await?;
        Ok(Self(tokio::spawn(keep(place, session, journal))))
    }
}

impl Place {
    /// A lock of a session is of no use behind a pooler, so the way past it is taken where there is one.
    fn of(app: &App, job: &str, database: &str, key: i64, name: String) -> Result<Self, NoLock> {
        let Some(dependency) = app.dependency(database) else {
            return Err(NoLock::Unknown(format!("there is no `{database}`")));
        };
        let direct = app.migrations.as_ref().filter(|it| it.database == database).and_then(|it| it.direct.as_ref());
        let Target::Postgres(dsn) = direct.unwrap_or(&dependency.target) else {
            return Err(NoLock::Unknown(format!("`{database}` is no PostgreSQL")));
        };
        let (dsn, patience) = (dsn.clone(), dependency.wait.attempt_timeout);
        Ok(Self { job: job.to_owned(), name, database: database.to_owned(), dsn, patience, key })
    }

    async fn take(&self) -> Result<Session, NoLock> {
        let database = &self.database;
        let unknown = |why: String| NoLock::Unknown(format!("its lock in `{database}` cannot be had: {why}"));
        let session = postgres::connect(&self.dsn, &self.name, self.patience).await;
        let session = session.map_err(|refusal| unknown(refusal.to_string()))?;
        match postgres::try_advisory_lock(&session, self.key).await {
            Ok(true) => Ok(session),
            Ok(false) => {
                let holder = postgres::advisory_holder(&session, self.key).await.ok().flatten();
                let holder = holder.map(|holder| format!(": {holder}")).unwrap_or_default();
                Err(NoLock::Held(format!("another host has its lock in `{database}`{holder}")))
            }
            Err(error) => Err(unknown(error.to_string())),
        }
    }
}

async fn keep(place: Place, mut session: Session, journal: Arc<Told>) {
    let Place { job, database, .. } = &place;
    let event = |name, text: String| Event::new(name, text).with("job", job.as_str());
    loop {
        session.ended().await;
        let text = format!("{job} has lost its lock in `{database}` with the connection: another host may run it, too");
        journal.note(event("schedule.lock-lost", text).level(Level::Warn));
        session = take_again(&place, |who| {
            let text = format!("{job} is at work here and is not the only one any more: {who}");
            journal.note(event("schedule.not-single", text).level(Level::Error));
        })
        .await;
        journal.note(event("schedule.lock-regained", format!("{job} has its lock in `{database}` again")));
    }
}

/// However long that takes; `held` is told once when somebody else has it.
async fn take_again(place: &Place, held: impl Fn(&str)) -> Session {
    let (mut waits, mut told) = (AGAIN.waits(), false);
    loop {
        sleep(waits.next_wait()).await;
        match place.take().await {
            Ok(session) => return session,
            Err(NoLock::Held(who)) if !std::mem::replace(&mut told, true) => held(&who),
            Err(_) => {}
        }
    }
}
