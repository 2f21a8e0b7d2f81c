//! One after the other: copies, restores, migrations and whatever tidies a database up. They take turns by a lock in the directory of
//! data; who waits says for whom.
//!
//! It is the first lock that anybody takes: the one of the copies and that of the migrations in the database come after it, and nobody
//! who has one of those waits for this one. A start takes it only when there is something to migrate.

use crate::start::World;
use config::Dependency;
use host::lock::{Holder, InstanceLock, LockError};
use jiff::Timestamp;
use report::{Event, Finding, Journal, Outcome, seconds};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// So often it is tried.
const LOOK: Duration = Duration::from_millis(200);
/// So often it is said who is waited for.
const SAY: Duration = Duration::from_secs(30);

/// Nobody else changes the database as long as this is held.
pub(crate) struct Turn {
    /// Nothing where no data is kept: then there is no place where others would look.
    _lock: Option<InstanceLock>,
    path: PathBuf,
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Still locked, so nobody can have taken it; who waits for it notices that the file is another one.
        if self._lock.is_some() {
            let _ = host::fs::remove(&self.path);
        }
    }
}

/// The time was up.
pub(crate) struct Busy {
    database: String,
    holder: Holder,
    limit: Duration,
}

impl Busy {
    /// For people.
    pub(crate) fn finding(&self) -> Finding {
        let (database, limit) = (&self.database, seconds(self.limit));
        Finding::error(format!("something else is at work on `{database}`, and {limit} were up"))
            .seen(named(&self.holder))
            .hint("wait until it is done, then try again; --timeout says how long is waited")
    }

    /// Trying later may work.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::NotYet
    }
}

/// Waits until it is our turn, at most as long as is waited for the database. `what` is how we are called by those who wait for us.
pub(crate) async fn turn(world: &World, database: &Dependency, what: &str) -> Result<Turn, Busy> {
    let limit = database.wait.policy.limit.unwrap_or(Duration::MAX);
    turn_within(world, database, what, limit).await
}

/// The same within another time.
pub(crate) async fn turn_within(
    world: &World,
    database: &Dependency,
    what: &str,
    limit: Duration,
) -> Result<Turn, Busy> {
    let path = world.app.database_lock(&database.name);
    // Where nothing can be written, nobody else can take it either.
    if !world.app.keeps_data || host::fs::create_dir_all_private(&world.app.run_dir(), 0o700).is_err() {
        return Ok(Turn { _lock: None, path });
    }
    let (begun, mut said) = (Instant::now(), None::<Instant>);
    loop {
        let holder = match InstanceLock::acquire(&path, what) {
            Ok(lock) => return Ok(Turn { _lock: Some(lock), path }),
            Err(LockError::Io { .. }) => return Ok(Turn { _lock: None, path }),
            Err(LockError::Held { holder, .. }) => holder,
        };
        if begun.elapsed() >= limit {
            return Err(Busy { database: database.name.clone(), holder, limit });
        }
        if said.is_none_or(|said| said.elapsed() >= SAY) {
            said = Some(Instant::now());
            say(world, &database.name, &holder);
        }
        sleep(LOOK.min(limit.saturating_sub(begun.elapsed()))).await;
    }
}

fn say(world: &World, database: &str, holder: &Holder) {
    let text = format!("{database}: waits for {}", named(holder));
    let event = Event::new("database.waits", text).with("database", database);
    world.journal.note(event.with("pid", u64::from(holder.pid)));
}

/// `` `mainstay migrate` (pid 12, since 2026-11-24T14:30:00Z) ``
fn named(holder: &Holder) -> String {
    let since = Timestamp::try_from(holder.since).unwrap_or_default();
    match (holder.pid, holder.command.as_str()) {
        (0, _) => "a process that cannot be seen from here".to_owned(),
        (pid, "") => format!("process {pid}"),
        (pid, command) => format!("`{command}` (pid {pid}, since {})", since.strftime("%FT%TZ")),
    }
}
