//! The story of a start: prepare, gate, migrate, start, watch; and of its end.

mod adapters;
mod backups;
mod certificates;
mod control;
mod earlier;
mod generation;
mod herald;
mod jobs;
mod kept;
mod lines;
mod monitors;
mod pages;
mod proxied;
mod reexec;
mod remembered;
mod resume;
mod single;
mod snapshots;
mod stage;
mod suspects;
mod watch;
mod webhook;

pub(crate) use webhook::BY;
mod world;

pub(crate) use adapters::gate_context;
pub(crate) use control::Reread;
pub(crate) use earlier::has_left_any;
pub(crate) use jobs::{keep_by_hand, scheduler};
pub(crate) use monitors::{is_same, leads_to_same};
pub(crate) use reexec::{FORMAT, State};
pub(crate) use resume::take_over;
pub(crate) use stage::already_running;
pub(crate) use world::{World, introduce};

use crate::words::unheard;
use crate::{
    context::{Context, tell},
    load::Loaded,
};
use health::Phase;
use host::signals::{Signal, Signals};
use plan::{Intent, Performed, Plan, Timeline};
use reexec::{Given, Passage};
use report::{Event, Journal, Level, Outcome};
use stage::Live;
use std::{sync::Arc, time::Duration};
use tokio::task::AbortHandle;

/// Whoever reads what is written has this long for the last of it.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Brings an application up and keeps it up until it ends or is told to stop; answers with the exit code. `reread` reads its
/// configuration anew.
pub(crate) async fn bring_up(context: &Context, loaded: Loaded, reread: Reread) -> u8 {
    context.terminal.never_wait();
    let code = up(context, loaded, reread).await;
    context.terminal.finish(LAST_WORDS);
    code
}

async fn up(context: &Context, loaded: Loaded, reread: Reread) -> u8 {
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(context, &[unheard(&error)], Outcome::Failed).code(),
    };
    become_parent_of_orphans(context);
    tell_left_out_variables(context);
    let world = world(context, loaded);
    let telling = herald::begin(&world);
    let code = carry_out(context, &world, reread, signals).await;
    telling.inspect(AbortHandle::abort);
    write_down(&world).await;
    code
}

/// The world of a start that a later version may take over from.
fn world(context: &Context, Loaded { app, texts }: Loaded) -> Arc<World> {
    let begun = context.now();
    let passage = match host::handover::own_path(&context.env, &context.cwd) {
        Ok(program) if app.keeps_data => {
            let (arguments, start, context) = (host::env::arguments(), texts.clone(), context.clone());
            Passage::with(Given { program, arguments, start, generation: 0, context }, texts)
        }
        _ => Passage::default(),
    };
    World::with(context, app, begun, passage)
}

/// What waits for the disk at the very end.
async fn write_down(world: &Arc<World>) {
    world.lines.finish(LAST_WORDS).await;
    world.remembered.finish(world, LAST_WORDS).await;
}

async fn carry_out(context: &Context, world: &Arc<World>, reread: Reread, mut signals: Signals) -> u8 {
    let mut stage = Live::new(world.clone(), reread);
    let plan = Plan::of(Intent::Up, &world.app);
    let performed = tokio::select! {
        performed = plan.perform(&mut stage, &*world.journal) => Ok(performed),
        signal = asked_to_stop(&mut signals) => Err(signal),
    };
    match performed {
        Err(signal) => interrupted(world, stage, signal, signals).await,
        Ok(performed) if can_go_on(&performed) => {
            tell(context, &performed.findings, performed.outcome);
            tell_timeline(world, &performed.timeline, performed.outcome);
            watch::watch(world, stage, signals, performed.outcome).await
        }
        Ok(performed) => {
            let ended = stage.abandon(&mut signals).await;
            let outcome = tell(context, &performed.findings, performed.outcome);
            // Services that were started say best how they ended, and with which code.
            ended.map_or(outcome.code(), |ended| watch::end(world, Some(ended), None))
        }
    }
}

fn can_go_on(performed: &Performed) -> bool {
    matches!(performed.outcome, Outcome::Done | Outcome::Degraded)
}

/// As process 1, or as subreaper elsewhere, descendants that lose their parent become ours and are reaped.
fn become_parent_of_orphans(context: &Context) {
    if let Err(error) = context.spawner.become_subreaper() {
        let text = format!("orphaned processes will not be reaped here: {error}");
        context.terminal.note(Event::new("start.no-subreaper", text).level(Level::Warn));
    }
}

/// What is no text cannot be passed on.
fn tell_left_out_variables(context: &Context) {
    for name in host::env::unreadable() {
        let text = format!("the variable `{name}` is not UTF-8: no service gets it");
        context.terminal.note(Event::new("start.variable-left-out", text).level(Level::Warn).with("variable", name));
    }
}

/// The next signal that means stop; others are not ours to act on here.
async fn asked_to_stop(signals: &mut Signals) -> Signal {
    loop {
        match signals.next().await {
            signal @ (Signal::Terminate | Signal::Interrupt | Signal::Quit | Signal::Hangup) => return signal,
            Signal::User1 | Signal::User2 => {}
        }
    }
}

/// Stopped before everything was up: what was started is stopped, and that is no success.
async fn interrupted(world: &World, stage: Live, signal: Signal, mut signals: Signals) -> u8 {
    world.board.phase(Phase::Stopping);
    let name = host::signals::signal_name(signal.number()).unwrap_or("a signal");
    let text = format!("stopping: {name} came before everything was up");
    world.journal.note(Event::new("start.interrupted", text).level(Level::Warn).with("signal", name));
    stage.abandon(&mut signals).await;
    Outcome::Interrupted.code()
}

/// One line for each step, so that it can be found again in a log.
fn tell_timeline(world: &World, timeline: &Timeline, outcome: Outcome) {
    for line in timeline.lines() {
        world.journal.note(Event::new("start.timeline", line));
    }
    let took = timeline.total();
    let (how, level) = if outcome == Outcome::Done { ("", Level::Info) } else { (", but degraded,", Level::Warn) };
    let text = format!("`{}` is up{how} after {}", world.app.name, report::seconds(took));
    world.journal.note(Event::new("start.done", text).level(level).with("took", took));
}
