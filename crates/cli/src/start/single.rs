//! The lock of a job among all hosts: held by a session with a PostgreSQL, and taken again when that was lost.

use super::{kept::Holder, world::Told};
use config::{App, Job, Target, dsn::PostgresDsn};
use database::postgres::{self, Session};
use host::handover::Handing;
use report::{Event, Journal, Level};
use retry::Backoff;
use std::{
    io,
    os::fd::RawFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use supervise::schedule::{NoLock, lock_key};
use tokio::{task::JoinHandle, time::sleep};

/// The pauses between tries to take a lost lock again.
const AGAIN: Backoff = Backoff::doubling(Duration::from_millis(250), Duration::from_secs(5));

/// The lock, until dropped. A run is not ended for a connection that is: it is told that others may run the job now.
pub(super) struct Single {
    keeper: JoinHandle<()>,
    holder: Held,
}

/// Nothing while it is lost.
type Held = Arc<Mutex<Option<Holder>>>;

impl Drop for Single {
    fn drop(&mut self) {
        self.keeper.abort();
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
        Ok(Self::kept(place, Some(Holder::Session(Box::new(session))), journal))
    }

    /// The lock of a run that an earlier version of mainstay has begun; one that it had lost is taken again. Nothing when the
    /// application has no such database any more.
    pub(super) fn go_on(
        app: &App,
        job: &Job,
        database: &str,
        holder: Option<Holder>,
        journal: Arc<Told>,
    ) -> Option<Self> {
        let key = lock_key(&app.name, &job.name);
        let place = Place::of(app, &job.name, database, key, format!("mainstay job {}", job.name)).ok()?;
        Some(Self::kept(place, holder, journal))
    }

    fn kept(place: Place, holder: Option<Holder>, journal: Arc<Told>) -> Self {
        let holder = Arc::new(Mutex::new(holder));
        Self { keeper: tokio::spawn(keep(place, holder.clone(), journal)), holder }
    }

    /// For the next version of mainstay; nothing while it is lost.
    pub(super) fn hand_over(&self, all: &mut Handing) -> io::Result<Option<RawFd>> {
        locked(&self.holder).as_ref().map(|holder| holder.hand_over(all)).transpose()
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

fn locked(holder: &Held) -> MutexGuard<'_, Option<Holder>> {
    holder.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep(place: Place, holder: Held, journal: Arc<Told>) {
    let Place { job, database, .. } = &place;
    let event = |name, text: String| Event::new(name, text).with("job", job.as_str());
    loop {
        let ended = locked(&holder).as_ref().map(Holder::ended);
        if let Some(ended) = ended {
            ended.await;
            let text =
                format!("{job} has lost its lock in `{database}` with the connection: another host may run it, too");
            journal.note(event("schedule.lock-lost", text).level(Level::Warn));
        }
        *locked(&holder) = None;
        let session = take_again(&place, |who| {
            let text = format!("{job} is at work here and is not the only one any more: {who}");
            journal.note(event("schedule.not-single", text).level(Level::Error));
        })
        .await;
        *locked(&holder) = Some(Holder::Session(Box::new(session)));
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
