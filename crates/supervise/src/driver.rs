//! Carries out what one [`Life`] decides: one task for each service, asleep until something happens.

mod group;
mod handed;
mod locked;
mod watch;

pub(crate) use group::{Group, SIGKILL, is_permanent};
pub(crate) use handed::Told;

use crate::{
    doubts::Doubts,
    ear::{Heard, Socket, hear},
    fence::{Barrier, News},
    input::{Effect, Input},
    life::Life,
    outfit::Outfit,
    output::Reader,
    state::State,
    status::ServiceStatus,
    still::Freeze,
    vigil::Vigil,
};
use config::Service;
use group::{end_of, last_lines};
use host::process::{Command, Exit, Limit};
use std::{collections::VecDeque, future::pending, io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep_until, timeout},
};
use watch::{Answer, Watch, answer_to};

/// How long the end of everything waits for the last lines, where somebody who has escaped from the group holds a pipe.
const VERY_LAST_LINES: Duration = Duration::from_secs(1);

/// What a driver is told.
pub(crate) enum Message {
    Input(Input),
    Freeze(Freeze<Told>),
}

/// What became of a service, for the supervisor.
pub(crate) struct Change {
    pub(crate) id: usize,
    pub(crate) status: ServiceStatus,
    pub(crate) state: State,
}

/// Drives one service.
pub(crate) struct Driver {
    id: usize,
    service: Arc<Service>,
    command: Command,
    outfit: Arc<Outfit>,
    changes: UnboundedSender<Change>,
    life: Life,
    child: Option<Group>,
    /// Tasks that tell the lines of this process, and of earlier ones whose pipes somebody still holds.
    readers: Vec<Reader>,
    check: Option<Watch>,
    doubts: Doubts,
    published: Option<ServiceStatus>,
    /// What the kernel had killed for want of memory when this process was started.
    kills_before: Option<u64>,
    out_of_memory: bool,
    /// What the process said last of itself.
    status: Option<String>,
    /// Where a service that tells by itself does so; bound before its first start.
    socket: Option<Socket>,
    /// What was told about its limits.
    limits: Vec<Limit>,
    /// Of an exclusive service.
    barrier: Barrier,
    /// Somebody who is not of the service has told something in its name, which is told once.
    strangers: bool,
}

enum Happened {
    Told(Message),
    Ended(Exit),
    Answered(Answer),
    Heard(Heard),
    Fenced(News),
    NeedsAnswered(Vec<(String, Result<(), String>)>),
    Tick,
}

impl Driver {
    pub(crate) fn new(
        id: usize,
        command: Command,
        life: Life,
        outfit: Arc<Outfit>,
        changes: UnboundedSender<Change>,
    ) -> Self {
        let service = Arc::clone(life.service());
        let doubts = Doubts::new(Arc::clone(&outfit.checker));
        let barrier = Barrier::new(Arc::clone(&service), Arc::clone(&outfit.checker));
        Self {
            id,
            service,
            command,
            outfit,
            changes,
            life,
            doubts,
            child: None,
            readers: Vec::new(),
            check: None,
            published: None,
            kills_before: None,
            out_of_memory: false,
            status: None,
            socket: None,
            limits: Vec::new(),
            barrier,
            strangers: false,
        }
    }

    /// Wants the service, and keeps to its life until nobody can tell it anything any more.
    pub(crate) async fn start(mut self, mut inbox: UnboundedReceiver<Message>) {
        self.get_the_lock().await;
        self.begin(&mut inbox);
        self.run(inbox).await;
    }

    /// Keeps to its life until nobody can tell it anything any more.
    pub(crate) async fn run(mut self, mut inbox: UnboundedReceiver<Message>) {
        self.publish();
        while let Some(happened) = self.next(&mut inbox).await {
            self.take(happened).await;
            self.publish();
        }
        let _ = timeout(VERY_LAST_LINES, last_lines(&mut self.readers)).await;
    }

    /// What was told before the start, as while the lock was waited for, counts for the start.
    fn begin(&mut self, inbox: &mut UnboundedReceiver<Message>) {
        let input = |message| match message {
            Message::Input(input) => Some(input),
            Message::Freeze(freeze) => {
                freeze.refuse(Err(io::Error::other("it is just being started")));
                None
            }
        };
        let told = std::iter::from_fn(|| inbox.try_recv().ok()).filter_map(input);
        let is_order = |input: &Input| matches!(input, Input::Wanted | Input::Unwanted | Input::Force | Input::Restart);
        let (orders, world): (Vec<_>, Vec<_>) = told.partition(is_order);
        world.into_iter().for_each(|input| self.told(input));
        if !matches!(orders.first(), Some(Input::Unwanted | Input::Force)) {
            self.feed(Input::Wanted);
        }
        orders.into_iter().for_each(|input| self.told(input));
    }

    async fn next(&mut self, inbox: &mut UnboundedReceiver<Message>) -> Option<Happened> {
        let tick = self.next_tick();
        let Self { child, check, doubts, socket, barrier, .. } = self;
        let (leader, line, meter) = match child {
            Some(Group { child, meter, line, look }) => {
                (look.is_none().then_some(child), line.as_mut(), meter.as_ref())
            }
            None => (None, None, None),
        };
        tokio::select! {
            biased;
            told = inbox.recv() => told.map(Happened::Told),
            exit = end_of(leader) => Some(Happened::Ended(exit)),
            answer = answer_to(check.as_mut()) => Some(Happened::Answered(answer)),
            answers = doubts.answers() => Some(Happened::NeedsAnswered(answers)),
            news = barrier.news() => Some(Happened::Fenced(news)),
            () = until(tick) => Some(Happened::Tick),
            // The last, for whoever talks all the time must not keep anything from being done.
            heard = hear(line, socket.as_ref(), meter) => Some(Happened::Heard(heard)),
        }
    }

    fn next_tick(&self) -> Option<Instant> {
        let look = self.child.as_ref().and_then(|group| group.look).map(|(at, _)| at);
        let check = self.check.as_ref().filter(|watch| watch.question.is_none()).and_then(|watch| watch.vigil.next());
        [self.life.state().due(), look, check, self.doubts.due()].into_iter().flatten().min()
    }

    async fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Told(Message::Input(input)) => self.told(input),
            Happened::Told(Message::Freeze(freeze)) => {
                let told = self.hand_over(freeze.until()).await;
                freeze.answer(told).await;
            }
            Happened::Ended(exit) => self.ended(exit).await,
            Happened::Answered(answer) => self.answered(answer),
            Happened::Fenced(news) => self.fenced(news),
            Happened::Heard(heard) => self.heard(heard, Instant::now()),
            Happened::NeedsAnswered(answers) => self.needs_answered(answers),
            Happened::Tick => self.tick(Instant::now()),
        }
    }

    fn told(&mut self, input: Input) {
        if let Input::NeedLost { name, .. } | Input::NeedMet { name } = &input {
            self.doubts.settle(name);
        }
        if matches!(input, Input::NeedMet { .. }) {
            self.barrier.hurry();
        }
        self.feed(input);
    }

    fn tick(&mut self, now: Instant) {
        if self.life.state().due().is_some_and(|due| due <= now) {
            self.feed(Input::Elapsed);
        }
        if self.child.as_ref().and_then(|group| group.look).is_some_and(|(at, _)| at <= now) {
            self.look(now);
        }
        self.check_on(now);
        self.doubts.tick(now);
    }

    fn needs_answered(&mut self, answers: Vec<(String, Result<(), String>)>) {
        for input in self.doubts.answered(answers, Instant::now()) {
            self.feed(input);
        }
        self.feed(Input::NeedsKnown);
    }

    // The life.

    fn feed(&mut self, input: Input) {
        if let (Input::NeedMet { .. }, Some(watch)) = (&input, &mut self.check) {
            watch.vigil.pardon(Instant::now());
        }
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.life.step(input, Instant::now()) {
                inputs.extend(self.carry_out(effect));
            }
        }
        self.watch_over();
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Spawn => return Some(self.spawn()),
            Effect::Signal(signal) => self.signal(signal),
            Effect::Kill => self.signal(SIGKILL),
            Effect::AskNeeds => self.doubts.ask(self.service.needs.clone()),
            Effect::Note(event) => self.outfit.journal.note(event),
        }
        None
    }

    fn publish(&mut self) {
        let vigil = self.check.as_ref().map(|watch| &watch.vigil);
        let failing = vigil.and_then(Vigil::failing);
        let mut status = ServiceStatus::of(&self.service.name, &self.life, failing);
        status.reason = status.reason.or_else(|| vigil.and_then(Vigil::flapping));
        (status.out_of_memory, status.status) = (self.out_of_memory, self.status.clone());
        if self.published.as_ref() != Some(&status) {
            self.published = Some(status.clone());
            // Nobody listens any more when the supervisor was dropped; then this task ends, too.
            let _ = self.changes.send(Change { id: self.id, status, state: self.life.state().clone() });
        }
    }
}

impl Drop for Driver {
    /// Whoever drops the supervisor does not want its services any more.
    fn drop(&mut self) {
        self.signal(SIGKILL);
    }
}

pub(crate) async fn until(tick: Option<Instant>) {
    match tick {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
