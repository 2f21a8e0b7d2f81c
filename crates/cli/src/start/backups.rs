//! How the copies of databases are: looked at when somebody asks and after each run, by a thread that may wait for the disk. How old
//! they are is computed when it is asked for.

use super::World;
use backup::{Attempt, Copy, Failure, Protection, Remote, cut_off, everywhere};
use config::{App, Rhythm};
use health::{BackupHealth, NewestBackup};
use host::Clock;
use jiff::Timestamp;
use report::{Event, Journal, Level, Verdict};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::spawn_blocking,
    time::{Instant, timeout},
};

/// A disk that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who asks again and again is answered by what was seen so long ago.
const FRESH: Duration = Duration::from_secs(60);

/// What was seen of the copies.
pub(crate) struct Backups {
    /// By what copies are made by now.
    plan: Mutex<Arc<Plan>>,
    seen: Mutex<Option<Seen>>,
    looking: AtomicBool,
    looks: watch::Sender<()>,
}

struct Seen {
    at: Instant,
    databases: Vec<(String, Result<Protection, String>)>,
}

/// What says which databases are copied, where to and how often: a reload may change all of that.
struct Plan {
    app: Arc<App>,
    /// The buckets that copies go to.
    remotes: Arc<[Remote]>,
}

/// The buckets that copies of `app` go to.
pub(super) fn remotes(app: &App, clock: &Arc<dyn Clock>) -> Arc<[Remote]> {
    app.backup.s3.iter().map(|s3| Remote::new(s3, clock.clone())).collect()
}

/// The copies of one database now, for the page and for people.
pub(super) struct Standing {
    pub(super) health: BackupHealth,
    pub(super) protection: Protection,
    pub(super) now: Timestamp,
}

impl Backups {
    pub(super) fn of(app: Arc<App>, remotes: Arc<[Remote]>) -> Self {
        let plan = Mutex::new(Arc::new(Plan { app, remotes }));
        Self { plan, seen: Mutex::default(), looking: AtomicBool::new(false), looks: watch::Sender::new(()) }
    }

    /// From now on copies are made as `app` says. What was seen before says nothing any more where that is something else.
    pub(super) fn follow(&self, world: &Arc<World>, app: &App) {
        let before = self.plan();
        if before.app.backup == app.backup && before.app.dependencies == app.dependencies {
            return;
        }
        let plan = Arc::new(Plan { remotes: remotes(app, &world.clock), app: Arc::new(app.clone()) });
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = plan;
        *self.seen() = None;
        Self::look(world);
    }

    /// Looks, unless somebody does.
    pub(super) fn look(world: &Arc<World>) {
        let Ok(runtime) = Handle::try_current() else { return };
        let backups = &world.backups;
        if backups.plan().app.backup.databases.is_empty() || backups.looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let world = world.clone();
        runtime.spawn(async move {
            // Who looks while the plan is another one already looks again.
            loop {
                let plan = world.backups.plan();
                world.backups.look_by(&world, plan.clone()).await;
                if Arc::ptr_eq(&plan, &world.backups.plan()) {
                    break;
                }
            }
            world.backups.looking.store(false, Ordering::SeqCst);
            world.backups.looks.send_replace(());
        });
    }

    async fn look_by(&self, world: &World, plan: Arc<Plan>) {
        let backup = &plan.app.backup;
        // What lies here may be on its way only: where it goes tells.
        let all = match everywhere(&backup.to, &plan.app.name, &plan.remotes).await {
            Ok(all) if backup.stays || all.unseen.is_empty() => Ok(all.copies),
            Ok(mut all) => Err(all.unseen.remove(0).to_string()),
            Err(error) => Err(error.to_string()),
        };
        let by = plan.clone();
        let Ok(databases) = spawn_blocking(move || read(&by.app, &all)).await else { return };
        if Arc::ptr_eq(&plan, &self.plan()) {
            let before = self.seen().replace(Seen { at: Instant::now(), databases: databases.clone() });
            before.iter().for_each(|before| tell(world, &before.databases, &databases));
        }
    }

    /// Looks and waits for that, as long as it is sensible.
    pub(super) async fn refresh(world: &Arc<World>) {
        if world.backups.plan().app.backup.databases.is_empty() {
            return;
        }
        let mut looks = world.backups.looks.subscribe();
        Self::look(world);
        // What was seen before, or that nothing was, is told as such.
        let _ = timeout(PATIENCE, looks.changed()).await;
    }

    /// For the pages, which wait for no disk. Where a copy seems to be missing, the next who asks knows whether that is still so.
    pub(super) fn on_page(world: &Arc<World>) -> Vec<BackupHealth> {
        let all: Vec<_> = Self::now(world).into_iter().map(|standing| standing.health).collect();
        if all.iter().any(|it| it.verdict != Verdict::Pass) {
            Self::look_again(world);
        }
        all
    }

    /// Looks, unless that was done a moment ago.
    pub(super) fn look_again(world: &Arc<World>) {
        if world.backups.seen().as_ref().is_none_or(|seen| seen.at.elapsed() > FRESH) {
            Self::look(world);
        }
    }

    /// What is known, at this moment. A database that nobody copies and that has no copies is left out.
    pub(super) fn now(world: &World) -> Vec<Standing> {
        let now = world.now();
        let plan = world.backups.plan();
        let due = plan.app.backup.rhythm != Rhythm::Off;
        let seen = world.backups.seen();
        let known = seen.iter().flat_map(|seen| &seen.databases);
        known
            .filter(|(_, looked)| due || looked.as_ref().is_ok_and(|protection| protection.copies > 0))
            .map(|(database, looked)| standing(world, &plan.app, database, looked, now))
            .collect()
    }

    fn plan(&self) -> Arc<Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks when it is dropped: at the end of a run.
pub(super) struct LookAfterwards(pub(super) Arc<World>);

impl Drop for LookAfterwards {
    fn drop(&mut self) {
        Backups::look(&self.0);
    }
}

fn read(app: &App, all: &Result<Vec<Copy>, String>) -> Vec<(String, Result<Protection, String>)> {
    let one = |name: &String| {
        let looked = all.as_ref().map_err(Clone::clone).and_then(|all| protection(app, name, all));
        (name.clone(), looked)
    };
    app.backup.databases.iter().map(one).collect()
}

fn protection(app: &App, name: &str, all: &[Copy]) -> Result<Protection, String> {
    let path = app.backup_file(name);
    let attempt = Attempt::read(&path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let target = app.dependency(name).map(|dependency| &dependency.target).ok_or("there is no such database")?;
    Ok(Protection::of(target, all, attempt.as_ref()).with(cut_off(&app.backup.to, &app.name)))
}

fn standing(world: &World, app: &App, database: &str, looked: &Result<Protection, String>, now: Timestamp) -> Standing {
    let protection = looked.clone().unwrap_or_default();
    let from = protection.newest.as_ref().map_or(world.begun, |newest| newest.taken);
    let limit = app.backup.stale_after(from);
    let stale = looked.is_ok() && protection.is_stale(limit, world.begun, now);
    let health = BackupHealth {
        database: database.to_owned(),
        verdict: if looked.is_ok() { protection.verdict(stale) } else { Verdict::CouldNotVerify },
        reason: looked.as_ref().err().cloned().or_else(|| protection.complaint(limit, world.begun, now)),
        stale,
        newest: protection.newest.as_ref().map(|newest| NewestBackup {
            taken: newest.taken.as_millisecond() as f64 / 1000.0,
            age: protection.age(now).unwrap_or_default().as_secs_f64(),
            bytes: newest.bytes,
            restore: newest.restore,
        }),
        limit,
        copies: protection.copies,
        verified: protection.verified,
        failed_at: protection.failure.as_ref().map(|failure| failure.at.as_millisecond() as f64 / 1000.0),
    };
    Standing { health, protection, now }
}

type Looked = (String, Result<Protection, String>);

/// What is new, also when somebody has done it by hand.
fn tell(world: &World, before: &[Looked], after: &[Looked]) {
    for ((database, before), (_, after)) in before.iter().zip(after) {
        let (Ok(before), Ok(after)) = (before, after) else { continue };
        if after.newest != before.newest {
            verified(database, after).into_iter().for_each(|event| world.journal.note(event));
        }
        if after.failing != before.failing {
            after.failing.iter().for_each(|failure| world.journal.note(failed(database, failure)));
        }
    }
}

fn verified(database: &str, after: &Protection) -> Option<Event> {
    let newest = after.newest.as_ref()?;
    let back = Duration::try_from_secs_f64(newest.restore.unwrap_or_default()).unwrap_or_default();
    let (id, size) = (newest.id.to_string(), report::bytes(newest.bytes));
    let text = format!("backup: {database} is protected by `{id}`, {size}, back in about {}", report::seconds(back));
    let event = Event::new("backup.protected", text).with("database", database).with("id", id);
    Some(event.with("bytes", newest.bytes).with("rows", newest.rows).with("restore", back))
}

fn failed(database: &str, failure: &Failure) -> Event {
    let text = format!("backup: no VERIFIED copy of {database}: {}", failure.reason);
    Event::new("backup.failed", text)
        .level(Level::Warn)
        .with("database", database)
        .with("reason", failure.reason.clone())
}
