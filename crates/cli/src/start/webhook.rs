//! Deliveries of a webhook: taken, answered at once, and made into releases one after the other, the newest first.

use super::World;
use config::Webhook;
use deploy::webhook::{Answer, Head, MAX_BODY, Seen, Wanted, check_head, judge};
use health::http::Hook;
use host::process::{Exit, Watched};
use hyper::http::request::Parts;
use report::{Event, Journal, Level};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::sync::Notify;

/// A larger file of deliveries that were seen is none of ours.
const MAX_SEEN: u64 = 4 << 20;
/// Who asks for a release, for the process that makes it.
pub(crate) const BY: &str = "MAINSTAY_BY";

/// What was delivered.
pub(super) struct Deliveries {
    hook: Webhook,
    world: Weak<World>,
    seen: Mutex<Seen>,
    /// The one that is to be made next: a newer one takes its place.
    next: Mutex<Option<Wanted>>,
    more: Notify,
}

impl Deliveries {
    /// Begins to take deliveries, where that is configured.
    pub(super) fn begin(world: &Arc<World>) -> Option<Arc<Self>> {
        let hook = world.app.deploy.as_ref()?.webhook.clone()?;
        let kept = host::fs::read_to_string(&seen_file(world), MAX_SEEN).ok();
        let seen = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let theirs = Arc::downgrade(world);
        let deliveries =
            Arc::new(Self { hook, world: theirs, seen: Mutex::new(seen), next: Mutex::default(), more: Notify::new() });
        tokio::spawn(release_each(Arc::downgrade(&deliveries)));
        Some(deliveries)
    }

    /// An address of its own, if it has one.
    pub(super) fn listen(&self) -> Option<SocketAddr> {
        self.hook.listen
    }

    fn take(&self, wanted: Wanted) -> (u16, String) {
        let Some(world) = self.world.upgrade() else { return (503, "mainstay ends\n".to_owned()) };
        let kept = serde_json::to_string(&*locked(&self.seen)).unwrap_or_default();
        if let Err(error) = host::fs::write_atomic(&seen_file(&world), kept.as_bytes(), 0o600) {
            let text = format!("which deliveries were seen could not be written down: {error}");
            world.journal.note(Event::new("webhook.warning", text).level(Level::Warn));
        }
        let text = format!("{}: `{}` is to be released", wanted.by, wanted.reference);
        let event = Event::new("webhook.taken", text).with("reference", wanted.reference.as_str());
        world.journal.note(event.with("by", wanted.by.as_str()));
        let answer = format!("`{}` is released next\n", wanted.reference);
        if let Some(older) = locked(&self.next).replace(wanted) {
            let text = format!("{} is left out: there is a newer one", older.by);
            world.journal.note(Event::new("webhook.superseded", text).with("reference", older.reference));
        }
        self.more.notify_one();
        (202, answer)
    }

    fn refused(&self, status: u16, why: &str) {
        if let Some(world) = self.world.upgrade() {
            let text = format!("a delivery of the webhook was refused: {}", why.trim_end());
            world.journal.note(Event::new("webhook.refused", text).with("status", status).level(Level::Warn));
        }
    }

    fn told(&self, answer: Answer) -> (u16, String) {
        match answer {
            Answer::Release(wanted) => self.take(wanted),
            Answer::Nothing(why) => (200, why),
            Answer::Refused(status, why) => {
                self.refused(status, why);
                (status, why.to_owned())
            }
        }
    }
}

impl Hook for Deliveries {
    fn path(&self) -> &str {
        &self.hook.path
    }

    fn longest(&self) -> usize {
        MAX_BODY
    }

    fn head(&self, head: &Parts) -> Option<(u16, String)> {
        let answer = as_head(head, |head| check_head(&self.hook, head));
        answer.err().map(|answer| self.told(answer))
    }

    fn body(&self, head: &Parts, body: &[u8]) -> (u16, String) {
        let answer = as_head(head, |head| judge(&self.hook, head, body, &mut locked(&self.seen)));
        self.told(answer)
    }
}

fn as_head<T>(parts: &Parts, look: impl FnOnce(&Head<'_>) -> T) -> T {
    let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    let length = header("content-length").and_then(|length| length.parse().ok());
    look(&Head { is_post: parts.method == hyper::Method::POST, length, header: &header })
}

/// One release after the other, each by a process of its own, which lives on when this one ends or is replaced.
async fn release_each(deliveries: Weak<Deliveries>) {
    while let Some(deliveries) = deliveries.upgrade() {
        let next = locked(&deliveries.next).take();
        match (next, deliveries.world.upgrade()) {
            (Some(wanted), Some(world)) => release(&world, &deliveries.hook, &wanted).await,
            (None, Some(world)) => {
                // While nothing comes, nobody is kept alive by us.
                drop(world);
                deliveries.more.notified().await;
            }
            (_, None) => return,
        }
    }
}

async fn release(world: &World, hook: &Webhook, wanted: &Wanted) {
    let mut child = match start(world, hook, wanted) {
        Ok(child) => child,
        Err(error) => {
            let text = format!("`{}` cannot be released: {error}", wanted.reference);
            return world.journal.note(Event::new("webhook.failed", text).level(Level::Error));
        }
    };
    let event = match child.wait().await {
        Ok(Exit::Code(0)) => Event::new("webhook.released", format!("`{}` is released", wanted.reference)),
        // Somebody else was told of its end; what became of it stands in its record.
        Err(_) => Event::new("webhook.ended", format!("the release of `{}` has ended", wanted.reference)),
        Ok(exit) => {
            let text = format!(
                "the release of `{}` failed: it {}; see `{}`",
                wanted.reference,
                host::process::ended(exit),
                log(world).display()
            );
            Event::new("webhook.failed", text).with("exit", exit.shell_code()).level(Level::Error)
        }
    };
    world.journal.note(event.with("reference", wanted.reference.as_str()));
}

fn start(world: &World, hook: &Webhook, wanted: &Wanted) -> std::io::Result<Watched> {
    let mut env = world.process_env.clone();
    env.insert(BY.to_owned(), wanted.by.clone());
    let mut arguments: Vec<String> = hook.command.iter().skip(1).cloned().collect();
    arguments.push(wanted.reference.clone());
    match host::fs::rename(&log(world), &log(world).with_extension("log.1")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Watched::start(&world.spawner, &arguments, &env, &world.app.root, &log(world))
}

/// What the process writes that makes a release.
fn log(world: &World) -> PathBuf {
    world.app.run_dir().join("deploy.log")
}

fn seen_file(world: &World) -> PathBuf {
    world.app.run_dir().join("webhook.json")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
