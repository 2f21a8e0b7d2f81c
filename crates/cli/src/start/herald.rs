//! Tells whoever supervises us how far we are: systemd with `Type=notify`, or anybody else who speaks sd_notify(3).

use super::World;
use health::Phase;
use host::{Env, notify};
use report::{Event, Level};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep_until},
};

/// How often more time is asked for while it takes, and for how long.
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_FOR: Duration = Duration::from_secs(60);

/// A longer status is cut there, in characters.
const LONGEST: usize = 200;

/// Whoever supervises us; nobody, most often.
pub(crate) struct Herald {
    socket: Option<String>,
    /// It wants to hear that we are well at least so often.
    watchdog: Option<Duration>,
}

impl Herald {
    /// As the environment says (sd_notify(3), sd_watchdog_enabled(3)).
    pub(crate) fn of(env: &Env) -> Self {
        let socket = env.get("NOTIFY_SOCKET").filter(|name| !name.is_empty()).cloned();
        let ours = env.get("WATCHDOG_PID").is_none_or(|pid| *pid == std::process::id().to_string());
        let every = env.get("WATCHDOG_USEC").filter(|_| ours).and_then(|usec| usec.parse().ok());
        let watchdog = every.filter(|usec| *usec > 0).map(Duration::from_micros);
        Self { watchdog: watchdog.filter(|_| socket.is_some()), socket }
    }

    /// Nobody there is no error: we live on as well.
    pub(crate) fn tell(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = notify::tell(socket, text);
        }
    }

    /// Each step of a start is the status.
    pub(crate) fn follow(&self, event: &Event, mask: impl Fn(&str) -> String) {
        let step = ["gate.", "migrate.", "start.", "service."].iter().any(|part| event.name.starts_with(part));
        if self.socket.is_some() && step && event.level >= Level::Info {
            let text: String = mask(&event.text).chars().filter(|it| !it.is_control()).take(LONGEST).collect();
            self.tell(&format!("STATUS={text}"));
        }
    }

    /// A reload begins; it is over when the answer is dropped. `MONOTONIC_USEC` is for `Type=notify-reload`.
    pub(crate) fn reloading(&self) -> Reloading<'_> {
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", host::monotonic().as_micros()));
        Reloading(self)
    }
}

/// A reload that goes on.
pub(crate) struct Reloading<'a>(&'a Herald);

impl Drop for Reloading<'_> {
    fn drop(&mut self) {
        self.0.tell("READY=1");
    }
}

/// Tells until it is aborted. Without somebody who listens nothing is begun, and nothing wakes up.
pub(super) fn begin(world: &Arc<World>) -> Option<AbortHandle> {
    world.herald.socket.as_ref()?;
    Some(tokio::spawn(tell_all_along(world.clone())).abort_handle())
}

/// Gate, migrations, services and the end may take their time: more of it is asked for until everything required is ready, and
/// from the end on. The watchdog is fed by the one thread that does all the work: it is well when this runs.
async fn tell_all_along(world: Arc<World>) {
    let (herald, mut changes) = (&world.herald, world.board.changes());
    let (mut told, mut ask) = (Told::Nothing, Instant::now());
    let pause = herald.watchdog.map(|every| every / 2);
    let mut feed = pause.map(|pause| Instant::now() + pause);
    loop {
        let now = told.follow(world.board.snapshot().phase, || world.board.judgement().ready);
        if now != told {
            told = now;
            herald.tell(told.words());
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(ask), if told != Told::Ready => {
                herald.tell(&format!("EXTEND_TIMEOUT_USEC={}", ASK_FOR.as_micros()));
                ask = Instant::now() + ASK_EVERY;
            }
            () = sleep_until(feed.unwrap_or(ask)), if feed.is_some() => {
                herald.tell("WATCHDOG=1");
                feed = pause.map(|pause| Instant::now() + pause);
            }
        }
    }
}

/// What was told of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Ready,
    Stopping,
}

impl Told {
    /// What has to be told by now. Who is ready stays so: what becomes of it later is the matter of health.
    fn follow(self, phase: Phase, ready: impl Fn() -> bool) -> Self {
        match (self, phase) {
            (_, Phase::Stopping) | (Told::Stopping, _) => Told::Stopping,
            (Told::Nothing, Phase::Watch) if ready() => Told::Ready,
            (told, _) => told,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Told::Nothing => "",
            Told::Ready => "READY=1",
            Told::Stopping => "STOPPING=1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Item 6: ready is told once everything required is, and the end in any case.
    #[test]
    fn what_is_told_of_the_whole() {
        for (told, phase, ready, expected) in [
            (Told::Nothing, Phase::Gate, true, Told::Nothing),
            (Told::Nothing, Phase::Watch, false, Told::Nothing),
            (Told::Nothing, Phase::Watch, true, Told::Ready),
            (Told::Ready, Phase::Watch, false, Told::Ready),
            (Told::Nothing, Phase::Stopping, false, Told::Stopping),
            (Told::Ready, Phase::Stopping, true, Told::Stopping),
            (Told::Stopping, Phase::Stopping, true, Told::Stopping),
        ] {
            assert_eq!(told.follow(phase, || ready), expected, "{told:?} {phase:?}");
        }
    }

    /// A watchdog of another process, as of a shell that started us, is not ours.
    #[test]
    fn only_our_own_watchdog_is_fed() {
        let env = |pid: String| {
            let pairs =
                [("NOTIFY_SOCKET", "@x".to_owned()), ("WATCHDOG_USEC", "5000000".to_owned()), ("WATCHDOG_PID", pid)];
            pairs.map(|(name, value)| (name.to_owned(), value)).into()
        };
        assert_eq!(Herald::of(&env(std::process::id().to_string())).watchdog, Some(Duration::from_secs(5)));
        assert_eq!(Herald::of(&env("1".to_owned())).watchdog, None);
        assert!(Herald::of(&Env::new()).socket.is_none());
    }
}
