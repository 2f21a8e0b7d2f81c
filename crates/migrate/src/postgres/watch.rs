//! While a statement runs: who holds it up, and how far it is. Asked by the session that holds the lock, which is idle.

use super::{
    Guard,
    blockers::{blockers, wanted},
    progress::progress,
};
use crate::job::Job;
use database::postgres::Session;
use report::{Event, Level};
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::{Instant, sleep_until};

/// After the first look, another one this often.
const EVERY: Duration = Duration::from_secs(1);
/// The same thing is said again only after this long.
const SAY: Duration = Duration::from_secs(5);

/// What is watched.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) job: &'a Job<'a>,
    /// The file, for the lines.
    pub(super) shown: &'a str,
    /// The session that works.
    pub(super) session: &'a Session,
    /// The session that looks.
    pub(super) guard: Option<&'a Guard>,
    /// The first look comes after this long.
    pub(super) first: Duration,
}

/// Awaits `act`, and tells what holds it up or how far it is; answers with who held it up last, too.
pub(super) async fn watched<T>(watched: Watched<'_>, act: impl Future<Output = T>) -> (T, Option<String>) {
    let mut act = pin!(act);
    let mut watch = Watch { watched, said_at: None, blocked: None };
    let mut next = Instant::now() + watched.first;
    loop {
        tokio::select! {
            biased;
            result = &mut act => return (result, watch.blocked),
            () = sleep_until(next) => {}
        }
        // The look itself must not hold up what is looked at.
        tokio::select! {
            biased;
            result = &mut act => return (result, watch.blocked),
            () = watch.look() => {}
        }
        next = Instant::now() + EVERY;
    }
}

struct Watch<'a> {
    watched: Watched<'a>,
    said_at: Option<Instant>,
    blocked: Option<String>,
}

impl Watch<'_> {
    /// Whatever cannot be seen is not worth a word: the statement itself will tell how it ended.
    async fn look(&mut self) {
        let (Some(guard), Some(pid)) = (self.watched.guard, self.watched.session.backend_pid) else { return };
        let Some(looking) = guard.session() else { return };
        let found = blockers(looking, pid).await.unwrap_or_default();
        if found.is_empty() {
            if let Ok(Some(progress)) = progress(looking, pid).await {
                self.say(Event::new("migrate.progress", format!("`{}`: {progress}", self.watched.shown)));
            }
            return;
        }
        let lock = wanted(looking, pid).await.ok().flatten();
        let lock = lock.map(|lock| format!("waits for {lock}, ")).unwrap_or_default();
        let names: Vec<_> = found.iter().map(ToString::to_string).collect();
        let text = format!("{lock}{}", names.join("; "));
        self.blocked = Some(text.clone());
        let event = Event::new("migrate.blocked", format!("`{}` {text}", self.watched.shown));
        let pids = found.iter().map(|blocker| blocker.pid.to_string()).collect::<Vec<_>>().join(",");
        self.say(event.level(Level::Warn).with("file", self.watched.shown).with("pids", pids));
    }

    fn say(&mut self, event: Event) {
        if self.said_at.is_none_or(|at| at.elapsed() >= SAY) {
            self.said_at = Some(Instant::now());
            self.watched.job.journal.note(event);
        }
    }
}
