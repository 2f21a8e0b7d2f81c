//! Becoming a later version of mainstay, while everything that it looks after goes on.
//!
//! Whatever can fail comes before anything is given up: the other program is shown the whole state and says whether it can take it
//! over. Then nobody is let in any more at our sockets, everybody stands still, what was read is written, and the process executes the
//! other program. Should even that fail, everybody goes on as if nothing had been. What has to end first is waited for: it is tried again and
//! again while everything else goes on.

mod ask;
mod passage;
mod state;
mod wish;

pub(crate) use passage::{Given, Passage};
pub(crate) use state::{FORMAT, HandedRing, State};
pub(crate) use wish::Wish;

use super::{
    World,
    control::Listening,
    stage::Live,
    watch::{Hearers, Owed},
};
use control::{Reexec, Refusal, VERSION};
use host::{
    handover::{Handing, become_again, seal},
    process::SystemSpawner,
};
use report::{Event, Finding, Journal, Level, Outcome};
use std::{os::fd::OwnedFd, time::Duration};
use supervise::{Frozen, schedule::FrozenJobs};
use tokio::time::{Instant, timeout};

/// Everybody stands still within this time.
const STILL: Duration = Duration::from_secs(10);

/// Who asks on the control socket is answered within this time, or what was asked is at work.
const ANSWERED: Duration = Duration::from_secs(5);

/// Who looks at a health page is served within this time, or cut off by the page itself.
const SERVED: Duration = Duration::from_secs(12);

/// What was read is on the disk within this time.
const WRITTEN: Duration = Duration::from_secs(5);

/// Why nothing is handed over: it waits for something, or is wrong.
struct Refused {
    outcome: Outcome,
    finding: Finding,
}

impl Refused {
    fn not_yet(finding: Finding) -> Self {
        Self { outcome: Outcome::NotYet, finding }
    }

    fn misused(finding: Finding) -> Self {
        Self { outcome: Outcome::Misused, finding }
    }

    /// In a few words.
    fn why(&self) -> String {
        let Finding { summary, seen, .. } = &self.finding;
        seen.first().unwrap_or(summary).clone()
    }
}

/// Hands over to the program that stands in our place by now. Returns only when that is not done, for a while or at all; then all is as
/// before.
pub(super) async fn reexec(world: &World, live: &Live, told: &Hearers, owed: &Owed, mut wish: Wish) {
    let house = House { world, live, told, owed };
    if wish.is_withdrawn() {
        return world.passage.waited();
    }
    if !wish.answered {
        world.passage.begins();
        let asked = house.ask().await;
        match asked {
            Err(refused) if wish.waits_for(&refused) => return wait(world, wish, &refused),
            Err(refused) => return refuse(world, wish, refused),
            Ok(reexec) => drop(wish.answer(Ok(reexec))),
        }
    }
    let _telling = world.herald.reloading();
    if let Err(refused) = house.hand_over().await {
        match wish.waits_for(&refused) {
            true => wait(world, wish, &refused),
            false => fail(world, &wish.in_vain(refused)),
        }
    }
}

/// Tries again in a moment, and tells why.
fn wait(world: &World, wish: Wish, refused: &Refused) {
    let why = refused.why();
    if world.passage.again(wish, &why) {
        world.journal.note(Event::new("reexec.waiting", format!("another version does not take over yet: {why}")));
    }
}

/// Tells whoever has asked, or everybody, that nothing comes of it.
fn refuse(world: &World, mut wish: Wish, refused: Refused) {
    let Refused { outcome, finding } = wish.in_vain(refused);
    world.passage.waited();
    let text = format!("nothing is handed over: {}", finding.summary);
    world.journal.note(Event::new("reexec.refused", text).level(Level::Warn));
    if !wish.answer(Err(Refusal::new(outcome, std::slice::from_ref(&finding)))) {
        world.terminal.finding(&finding);
    }
}

/// It was said that it can, and it could not.
fn fail(world: &World, refused: &Refused) {
    world.passage.waited();
    world.passage.failed(&refused.finding);
    let text = format!("version {VERSION} goes on: {}", refused.finding.summary);
    world.journal.note(Event::new("reexec.failed", text).level(Level::Error));
}

/// What is handed over.
struct House<'a> {
    world: &'a World,
    live: &'a Live,
    told: &'a Hearers,
    owed: &'a Owed,
}

/// Ends of children are held until dropped.
struct Held<'a>(&'a SystemSpawner);

impl<'a> Held<'a> {
    fn ends_of(spawner: &'a SystemSpawner) -> Self {
        spawner.hold_ends();
        Self(spawner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.let_ends_go();
    }
}

impl House<'_> {
    /// Shows the other program all of the state. Nothing is given up for that.
    async fn ask(&self) -> Result<Reexec, Refused> {
        let given = self.world.passage.given().ok_or_else(not_ours)?;
        ask::is_program(&given.program).map_err(Refused::misused)?;
        if self.world.proxied.get().is_some() {
            let finding = Finding::error("connections to the proxy are not handed over: they would be cut off");
            return Err(Refused::misused(finding.hint("`mainstay down`, then `mainstay up` with the new one")));
        }
        if let Some(what) = self.live.control.as_ref().and_then(Listening::at_work) {
            return Err(Refused::not_yet(Finding::error(what).hint(AGAIN)));
        }
        let shown = {
            let jobs = self.jobs_stand_still().await?;
            let frozen = self.services_stand_still().await?;
            self.sealed(&frozen, &jobs, given).map(|(state, _)| state)?
        };
        let to = ask::ask(&self.world.spawner, given, shown).await.map_err(Refused::misused)?;
        Ok(Reexec {
            app: self.world.app.name.clone(),
            pid: std::process::id(),
            from: VERSION.to_owned(),
            to,
            generation: self.world.passage.generation() + 1,
            services: self.told.handle.snapshot().into_iter().map(|status| status.name).collect(),
        })
    }

    async fn hand_over(&self) -> Result<(), Refused> {
        let world = self.world;
        let given = world.passage.given().ok_or_else(not_ours)?;
        if let Some(what) = self.live.control.as_ref().and_then(Listening::at_work) {
            return Err(Refused::not_yet(Finding::error(what).hint(AGAIN)));
        }
        let _nobody_asks = world.passage.asking.shut(ANSWERED).await.ok_or_else(asked)?;
        let _nobody_looks = world.passage.looking.shut(SERVED).await.ok_or_else(asked)?;
        let _ends = Held::ends_of(&world.spawner);
        let jobs = self.jobs_stand_still().await?;
        let frozen = self.services_stand_still().await?;
        let text = format!("version {VERSION} hands over to `{}`", given.program.display());
        world.journal.note(Event::new("reexec.begin", text));
        self.written().await?;
        // From here on nothing is awaited, so that nothing happens any more.
        let (state, all) = self.sealed(&frozen, &jobs, given)?;
        let error = become_again(&given.program, &given.context.env, &given.context.cwd, &state, &all);
        let finding = Finding::error(format!("`{}` cannot be executed", given.program.display()));
        Err(Refused::misused(finding.because(&error)))
    }

    async fn jobs_stand_still(&self) -> Result<Option<FrozenJobs>, Refused> {
        if self.owed.is_at_work() {
            let finding = Finding::error("the schema of a database is being looked at, or migrated");
            return Err(Refused::not_yet(finding.hint(AGAIN)));
        }
        let Some(jobs) = &self.told.jobs else { return Ok(None) };
        let stuck =
            |why: String| Refused::not_yet(Finding::error("jobs cannot be handed over now").seen(why).hint(AGAIN));
        match timeout(STILL, jobs.stand_still()).await {
            Ok(frozen) => frozen.map(Some).map_err(|error| stuck(error.to_string())),
            Err(_) => Err(stuck(format!("they do not stand still within {}", report::seconds(STILL)))),
        }
    }

    async fn services_stand_still(&self) -> Result<Option<Frozen>, Refused> {
        if self.world.app.services.is_empty() && self.told.handle.snapshot().is_empty() {
            return Ok(None);
        }
        let stuck =
            |why: String| Refused::not_yet(Finding::error("services cannot be handed over now").seen(why).hint(AGAIN));
        match timeout(STILL, self.told.handle.stand_still()).await {
            Ok(frozen) => frozen.map(Some).map_err(|error| stuck(error.to_string())),
            Err(_) => Err(stuck(format!("they do not stand still within {}", report::seconds(STILL)))),
        }
    }

    /// Whatever was read, and whatever has happened, is on the disk.
    async fn written(&self) -> Result<(), Refused> {
        let (lines, journal) = (&self.world.lines, self.world.ring.journal());
        let deadline = Instant::now() + WRITTEN;
        while Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let flushed = lines.flush(left).await;
            let noted = match &journal {
                // What cannot be written anyway is lost with and without us.
                Some(journal) => !journal.flush(left).await || journal.is_written(),
                None => true,
            };
            if flushed && noted && lines.is_written() {
                return Ok(());
            }
        }
        let finding = Finding::error("what services wrote is not on the disk yet");
        Err(Refused::not_yet(finding.seen(format!("it was waited for {}", report::seconds(WRITTEN))).hint(AGAIN)))
    }

    /// The state as the other program gets it, and the descriptors that stay open for it.
    fn sealed(
        &self,
        frozen: &Option<Frozen>,
        jobs: &Option<FrozenJobs>,
        given: &Given,
    ) -> Result<(OwnedFd, Handing), Refused> {
        let mut all = frozen.as_ref().map(|frozen| frozen.handing.clone()).unwrap_or_default();
        let services = frozen.as_ref().map(|frozen| frozen.services.clone());
        all.extend(jobs.as_ref().map(|jobs| jobs.handing.clone()).unwrap_or_default());
        let jobs = jobs.as_ref().map(|jobs| jobs.jobs.clone());
        let state = State::of(self.world, self.live, given, services, jobs, &mut all);
        let unable = |error: std::io::Error| Finding::error("the state cannot be handed over").because(&error);
        let sealed = state.written().and_then(|text| seal(&text).map_err(unable));
        sealed.map(|sealed| (sealed, all)).map_err(Refused::not_yet)
    }
}

const AGAIN: &str = "try again in a moment";

fn not_ours() -> Refused {
    Refused::misused(Finding::error("only what `mainstay up` has started is handed over"))
}

fn asked() -> Refused {
    let finding = Finding::error("somebody is being answered, and would be cut off");
    Refused::not_yet(finding.hint("an order is at work, as a rule; try again when it has ended"))
}
