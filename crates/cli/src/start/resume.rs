//! Taking over from an earlier version of this process.

use super::{
    LAST_WORDS, World,
    adapters::Senses,
    become_parent_of_orphans, control,
    control::Reread,
    earlier, herald, introduce,
    jobs::{self, Jobs},
    pages,
    reexec::{Given, Passage, State},
    stage::{Live, Running, measure, show_readings, sockets},
    watch,
};
use crate::words::unheard;
use crate::{
    context::{Context, tell},
    load::load_texts,
};
use ::control::VERSION;
use config::{App, Overrides};
use host::{
    handover::{Descriptors, Handing, let_signals_in},
    lock::InstanceLock,
    signals::Signals,
};
use report::{Event, Finding, Journal, Outcome, count};
use std::{
    collections::BTreeMap,
    io,
    os::fd::{OwnedFd, RawFd},
    sync::Arc,
};
use supervise::{Outfit, Supervisor};
use tokio::task::AbortHandle;

/// Keeps up what an earlier version of this process has `left`; answers with the exit code at the end of that.
pub(crate) async fn take_over(context: &Context, left: &io::Result<OwnedFd>, flags: &Overrides, reread: Reread) -> u8 {
    // Before anything is awaited: nobody else may wait for the children that are to be taken over.
    context.spawner.hold_ends();
    context.terminal.never_wait();
    let code = match arrive(context, left, flags, reread) {
        Ok((world, live, signals)) => {
            // What was begun with RELOADING=1.
            world.herald.tell("READY=1");
            let telling = herald::begin(&world);
            let code = watch::watch(&world, live, signals, Outcome::Done).await;
            telling.inspect(AbortHandle::abort);
            super::write_down(&world).await;
            code
        }
        Err(findings) => tell(context, &findings, Outcome::Failed).code(),
    };
    context.terminal.finish(LAST_WORDS);
    code
}

fn arrive(
    context: &Context,
    left: &io::Result<OwnedFd>,
    flags: &Overrides,
    reread: Reread,
) -> Result<(Arc<World>, Live, Signals), Vec<Finding>> {
    let lost = |error: &io::Error| vec![Finding::error("nothing was handed over").because(error)];
    let mut state = State::read(left.as_ref().map_err(lost)?).map_err(|finding| vec![finding])?;
    context.terminal.go_on_with(std::mem::take(&mut state.unread));
    if state.pid != std::process::id() {
        return Err(vec![Finding::error(format!("process {} was handed over, and this is another one", state.pid))]);
    }
    let (app, latest) =
        (load_texts(context, &state.start, flags.clone())?, load_texts(context, &state.latest, flags.clone())?);
    introduce(&context.terminal, &latest);
    let signals = Signals::listen().map_err(|error| vec![unheard(&error)])?;
    become_parent_of_orphans(context);
    let passage = Passage::with(given(context, &state), state.latest.clone());
    let world = World::with(context, app, state.begun, passage);
    let from = state.version.clone();
    let live = Live::take_over(world.clone(), latest, reread, state).map_err(|finding| vec![finding])?;
    context.spawner.let_ends_go();
    let_signals_in();
    tell_taken_over(&world, &live, &from);
    Ok((world, live, signals))
}

fn given(context: &Context, state: &State) -> Given {
    Given {
        program: state.program.clone(),
        arguments: state.arguments.clone(),
        start: state.start.clone(),
        generation: state.generation,
        context: context.clone(),
    }
}

fn tell_taken_over(world: &World, live: &Live, from: &str) {
    let services = live.running.as_ref().map(|running| running.handle.snapshot().len()).unwrap_or_default();
    let text = format!("version {VERSION} goes on for version {from}: {} not touched", count(services, "service"));
    let event = Event::new("reexec.done", text).with("from", from.to_owned()).with("to", VERSION);
    world.journal.note(event.with("generation", world.passage.generation()));
}

impl Live {
    /// What is held open, for the next version of mainstay: the lock, the control socket, the health pages.
    pub(super) fn hand_over(&self, all: &mut Handing) -> (Option<RawFd>, Option<RawFd>, BTreeMap<String, RawFd>) {
        let lock = self.lock.as_ref().map(|lock| lock.hand_over(all));
        let control = self.control.as_ref().and_then(|control| control.hand_over(all));
        let pages = self.pages.as_ref().map(|pages| pages.hand_over(all)).unwrap_or_default();
        (lock, control, pages)
    }

    /// Everything as it was, in the order of a start; `latest` is the application as it is configured by now.
    fn take_over(world: Arc<World>, latest: App, reread: Reread, state: State) -> Result<Self, Finding> {
        let lost = |error: io::Error| Finding::error("what was handed over did not arrive").because(&error);
        let mut all = Descriptors::arrived(&state.descriptors).map_err(lost)?;
        let mut live = Self::new(world.clone(), reread);
        live.lock = state.lock.map(|lock| all.take(lock)).transpose().map_err(lost)?.map(InstanceLock::take_over);
        world.ring.take_over(state.ring);
        if state.latest.release.is_some() {
            world.board.depend_on(&latest.dependencies, |_| true);
        }
        world.board.take_over(state.board);
        world.tail.take_over(state.tail);
        world.hide(&latest);
        world.backups.follow(&world, &latest);
        if state.latest.release.is_some() {
            world.run_now(Arc::new(latest.clone()));
        }
        world.remembered.keep(&world);
        show_readings(&world);
        world.spawner.go_on_together(state.together).map_err(lost)?;
        let instance = earlier::instance(&world.app);
        live.jobs =
            jobs::resume(&world, &latest.jobs, &instance, state.jobs.unwrap_or_default(), &latest.env, &mut all)?
                .map(|scheduler| Jobs::new(scheduler).begun());
        let handed = state.pages.into_iter().map(|(what, page)| Ok((what, all.take(page)?)));
        live.pages = Some(pages::serve(&world, handed.collect::<io::Result<_>>().map_err(lost)?)?);
        world.terminal.keep_small(&world.app.up_log(), world.app.up_log_before());
        world.lines.keep(&world.app, world.clock.clone(), &world.journal);
        let handed = state.services.unwrap_or_default();
        let supervisor =
            Supervisor::resume(latest.services.clone(), handed, &mut all, &instance, &latest.env, outfit(&world)?)
                .map_err(|error| Finding::error("services cannot be taken over").because(&error))?;
        if let Some(reread) = live.reread.take() {
            let jobs = live.jobs.as_ref().map(|jobs| jobs.handle.clone());
            let socket = state.control.map(|socket| all.take(socket)).transpose().map_err(lost)?;
            live.control = control::listen(&world, supervisor.handle(), jobs, reread, socket, latest.services);
        }
        let handle = supervisor.handle();
        measure(&world, handle.clone());
        handle.stay(live.jobs.as_ref().is_some_and(Jobs::are_any));
        live.running = Some(Running { handle, ended: tokio::spawn(supervisor.run()) });
        Ok(live)
    }
}

fn outfit(world: &Arc<World>) -> Result<Outfit, Finding> {
    let (spawner, senses) = (world.spawner.clone(), Arc::new(Senses(world.clone())));
    let (journal, lines) = (world.journal.clone(), Arc::new(world.tail.clone()));
    let lost = || Finding::error("services cannot be heard");
    let sockets = sockets(&world.app).map_err(|trouble| trouble.findings.into_iter().next().unwrap_or_else(lost))?;
    Ok(Outfit::new(spawner, senses, journal, lines, sockets))
}
