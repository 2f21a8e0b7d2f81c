//! After the start: watches dependencies and services until the end, and mends what can be mended.

use super::{
    World,
    adapters::Senses,
    asked_to_stop,
    stage::{Live, Running, show},
};
use health::{Migrations, News, Phase, Recovery, Told};
use host::signals::{Signal, Signals};
use report::{Event, Journal, Level, Outcome};
use std::{pin::pin, sync::Arc};
use supervise::{Ended, Handle, Need};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
};

/// Watches until the services have ended or somebody asks for the end; answers with the exit code.
pub(super) async fn watch(world: &Arc<World>, mut live: Live, mut signals: Signals, so_far: Outcome) -> u8 {
    let Some(mut running) = live.running.take() else { return so_far.code() };
    world.board.phase(Phase::Watch);
    match until_the_end(world, &mut running, &mut signals).await {
        End::Over(ended) => end(world, ended, None),
        End::Asked(signal) => {
            world.board.phase(Phase::Stopping);
            end(world, stop(running, &mut signals).await, Some(signal))
        }
    }
}

/// Why the watch is over.
enum End {
    /// The services have ended.
    Over(Option<Ended>),
    /// Somebody asked for it.
    Asked(Signal),
}

/// Whoever asks for the end is heard first: services that got the same signal, as in a stop of the whole control group,
/// have ended on request then. Mending may take its time; it keeps nobody from being heard, and is given up at the end.
async fn until_the_end(world: &Arc<World>, running: &mut Running, signals: &mut Signals) -> End {
    let (_monitors, mut news) = monitors(world);
    let (mends, to_mend) = unbounded_channel();
    let mut mending = pin!(mend(world, &running.handle, to_mend));
    let mut statuses = running.handle.watch();
    loop {
        tokio::select! {
            biased;
            signal = asked_to_stop(signals) => return End::Asked(signal),
            ended = &mut running.ended => return End::Over(ended.ok()),
            Some(news) = news.recv() => match news.told {
                Told::Recover(_) => drop(mends.send(news)),
                Told::Down { .. } | Told::Up { .. } => act(world, &running.handle, news).await,
            },
            Ok(()) = statuses.changed() => {
                let seen = statuses.borrow_and_update().clone();
                show(world, &seen);
            }
            () = &mut mending => {}
        }
    }
}

/// One after the other, for as long as it is polled.
async fn mend(world: &World, handle: &Handle, mut to_mend: UnboundedReceiver<News>) {
    while let Some(news) = to_mend.recv().await {
        act(world, handle, news).await;
    }
}

/// One monitor for each dependency.
fn monitors(world: &Arc<World>) -> (JoinSet<()>, UnboundedReceiver<News>) {
    let (tell, news) = unbounded_channel();
    let mut tasks = JoinSet::new();
    for dependency in world.app.dependencies.clone() {
        let (world, tell) = (world.clone(), tell.clone());
        tasks.spawn(async move {
            let senses = Senses(world.clone());
            health::watch(&dependency, &senses, &world.board, &*world.journal, tell).await;
        });
    }
    (tasks, news)
}

async fn act(world: &World, handle: &Handle, news: News) {
    let required = world.app.dependency(&news.dependency).is_some_and(|dependency| dependency.required);
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
    let Some(job) = world.job().filter(|job| job.migrations.database == database) else { return };
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

/// Stops politely; a second signal kills at once.
pub(super) async fn stop(mut running: Running, signals: &mut Signals) -> Option<Ended> {
    running.handle.stop();
    loop {
        tokio::select! {
            ended = &mut running.ended => return ended.ok(),
            _ = asked_to_stop(signals) => running.handle.force(),
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
