//! After the start: watches dependencies and services until the end, and mends what can be mended.

use super::{
    World, asked_to_stop,
    jobs::Jobs,
    monitors::Monitors,
    reexec::{Wish, reexec},
    snapshots,
    stage::{Live, Running, show},
};
use health::{Migrations, News, Phase, Recovery, Told};
use host::signals::{Signal, Signals};
use report::{Event, Journal, Level, Outcome};
use std::{cell::Cell, pin::pin, sync::Arc};
use supervise::{Ended, Handle, Need, schedule::ScheduleHandle};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
};

/// Watches until the services have ended or somebody asks for the end; answers with the exit code.
pub(super) async fn watch(world: &Arc<World>, mut live: Live, mut signals: Signals, so_far: Outcome) -> u8 {
    let Some(running) = live.running.take() else { return so_far.code() };
    let mut all = All::of(running, live.jobs.take());
    world.board.phase(Phase::Watch);
    host::process::give_back_code();
    let signal = until_the_end(world, &live, &mut all, &mut signals).await;
    if signal.is_some() {
        world.board.phase(Phase::Stopping);
        finish_requests(world, &mut signals).await;
    }
    end(world, all.stop(&mut signals).await, signal)
}

/// Services and jobs that were started.
pub(super) struct All {
    running: Running,
    /// How the services ended; nothing while they run.
    over: Option<Option<Ended>>,
    jobs: Option<Jobs>,
}

/// Those who are told how dependencies are.
pub(super) struct Hearers {
    pub(super) handle: Handle,
    pub(super) jobs: Option<ScheduleHandle>,
}

impl Hearers {
    /// Nobody waits any more for a dependency that is not watched, or is another one by now.
    fn forget(&self, world: &World, name: &str) {
        self.handle.need(name, Need::Met);
        self.jobs.iter().for_each(|jobs| jobs.need(name, Need::Met));
        world.proxied.get().into_iter().for_each(|proxied| proxied.need(name, true));
    }
}

/// What is to be mended and is not yet.
#[derive(Default)]
pub(super) struct Owed(Cell<usize>);

impl Owed {
    fn one_more(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn one_less(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.0.get() > 0
    }
}

impl All {
    pub(super) fn of(running: Running, jobs: Option<Jobs>) -> Self {
        Self { running, over: None, jobs }
    }

    /// Stops services and jobs politely; a second signal kills at once.
    pub(super) async fn stop(mut self, signals: &mut Signals) -> Option<Ended> {
        let jobs = self.jobs.as_ref().map(|jobs| jobs.handle.clone());
        self.running.handle.stop();
        jobs.iter().for_each(ScheduleHandle::stop);
        loop {
            if let (Some(ended), None) = (&mut self.over, &self.jobs) {
                return ended.take();
            }
            let services = self.over.is_none();
            tokio::select! {
                ended = &mut self.running.ended, if services => self.over = Some(ended.ok()),
                () = ended_jobs(&mut self.jobs), if self.jobs.is_some() => self.jobs = None,
                _ = asked_to_stop(signals) => {
                    self.running.handle.force();
                    jobs.iter().for_each(ScheduleHandle::force);
                }
            }
        }
    }
}

async fn ended_jobs(jobs: &mut Option<Jobs>) {
    if let Some(jobs) = jobs {
        // One that has panicked runs nothing any more, either.
        let _ = (&mut jobs.ended).await;
    }
}

/// What the proxy has taken is answered while everybody is there; a second signal does not wait for that.
async fn finish_requests(world: &World, signals: &mut Signals) {
    let Some(proxied) = world.proxied.get() else { return };
    tokio::select! {
        () = proxied.stop(world) => {}
        _ = asked_to_stop(signals) => {}
    }
}

/// The signal of whoever asked for the end, or nothing when it came by itself.
///
/// Whoever asks for the end is heard first: services that got the same signal, as in a stop of the whole control group,
/// have ended on request then. Mending may take its time; it keeps nobody from being heard, and is given up at the end.
async fn until_the_end(world: &Arc<World>, live: &Live, all: &mut All, signals: &mut Signals) -> Option<Signal> {
    let (mut monitors, mut news) = Monitors::begin(world);
    let mut others = JoinSet::new();
    others.spawn(snapshots::take(world.clone(), all.running.handle.clone()));
    let (mends, to_mend) = unbounded_channel();
    let told = Hearers { handle: all.running.handle.clone(), jobs: all.jobs.as_ref().map(|jobs| jobs.handle.clone()) };
    let owed = Owed::default();
    let mut mending = pin!(mend(world, &told, to_mend, &owed));
    let mut statuses = told.handle.watch();
    loop {
        tokio::select! {
            biased;
            signal = told_to_stop(world, live, signals) => return Some(signal),
            // Where jobs are left to be run, that comes only when something has failed.
            ended = &mut all.running.ended => {
                all.over = Some(ended.ok());
                return None;
            }
            Some(news) = news.recv() => match news.told {
                Told::Recover(_) => {
                    owed.one_more();
                    let _ = mends.send(news);
                }
                Told::Down { .. } | Told::Up { .. } => act(world, &told, news).await,
            },
            Ok(()) = statuses.changed() => {
                let seen = statuses.borrow_and_update().clone();
                show(world, &seen);
            }
            () = world.depends_anew.notified() => {
                let lost = monitors.follow(world, &world.by_now().dependencies);
                lost.iter().for_each(|name| told.forget(world, name));
            }
            wish = world.passage.wished() => tokio::select! {
                biased;
                signal = told_to_stop(world, live, signals) => return Some(signal),
                () = reexec(world, live, &told, &owed, wish) => {}
            },
            () = &mut mending => {}
        }
    }
}

/// The next signal that means stop while everything is up. Safe to drop and call again.
///
/// SIGHUP does not where no terminal could have hung up: another program in our place takes over then, or else the configuration is
/// read anew.
async fn told_to_stop(world: &World, live: &Live, signals: &mut Signals) -> Signal {
    loop {
        let signal = asked_to_stop(signals).await;
        match &live.control {
            Some(control) if signal == Signal::Hangup && !host::terminal::is_controlled() => {
                match world.passage.leads_elsewhere() {
                    true => world.passage.wish(Wish::of_nobody()),
                    false => control.reload(),
                }
            }
            _ => return signal,
        }
    }
}

/// One after the other, for as long as it is polled.
async fn mend(world: &World, hearers: &Hearers, mut to_mend: UnboundedReceiver<News>, owed: &Owed) {
    while let Some(news) = to_mend.recv().await {
        act(world, hearers, news).await;
        owed.one_less();
    }
}

async fn act(world: &World, hearers: &Hearers, news: News) {
    let Hearers { handle, jobs } = hearers;
    if let (Told::Up { .. }, Some(jobs)) = (&news.told, jobs) {
        jobs.need(&news.dependency, Need::Met);
    }
    match (&news.told, world.proxied.get()) {
        (Told::Down { .. }, Some(proxied)) => proxied.need(&news.dependency, false),
        (Told::Up { .. }, Some(proxied)) => proxied.need(&news.dependency, true),
        _ => {}
    }
    let required = world.by_now().dependency(&news.dependency).is_some_and(|dependency| dependency.required);
    match news.told {
        Told::Down { reason, .. } if required => handle.need(&news.dependency, Need::Down { reason }),
        Told::Up { .. } if required => handle.need(&news.dependency, Need::Met),
        Told::Down { .. } | Told::Up { .. } => {}
        Told::Recover(Recovery::CheckSchema) => check_schema(world, &news.dependency).await,
        // What does not find back by itself is restarted by its supervisor, which begins to count anew when a need is met:
        // restarting at once whatever has not been asked since would punish services for their database.
        Told::Recover(Recovery::RestartUnhealthy) => {}
    }
}

/// S1.10: after a database was away its schema may be gone with it; then the migrations bring it back.
async fn check_schema(world: &World, database: &str) {
    let app = world.by_now();
    let Some(job) = world.job_of(&app).filter(|job| job.migrations.database == database) else { return };
    if migrate::pending(&job, &migrate::Goal::All)
        .await
        .is_ok_and(|pending| pending.is_some_and(|pending| pending.is_empty()))
    {
        return world.board.migrations(Migrations::Done);
    }
    world.board.migrations(Migrations::Running);
    match migrate::up(&job, &migrate::Goal::All).await {
        Ok(_) => world.board.migrations(Migrations::Done),
        Err(error) => {
            world.board.migrations(Migrations::Degraded(error.to_string()));
            error.findings().iter().for_each(|finding| world.terminal.finding(finding));
        }
    }
}

/// Tells how it ended. Being told to stop is no failure; Ctrl-C is an interrupt.
pub(super) fn end(world: &World, ended: Option<Ended>, signal: Option<Signal>) -> u8 {
    let Some(ended) = ended else {
        world.journal.note(Event::new("up.lost", "the supervisor itself has ended").level(Level::Error));
        return Outcome::Failed.code();
    };
    match signal {
        Some(Signal::Interrupt) => Outcome::Interrupted.code(),
        Some(_) => Outcome::Done.code(),
        None => {
            ended.findings().iter().for_each(|finding| world.terminal.finding(finding));
            ended.code()
        }
    }
}
