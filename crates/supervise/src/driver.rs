//! Carries out what one [`Life`] decides: one task for each service, asleep until something happens.

use crate::{
    check::Checker,
    doubts::Doubts,
    ear::{Heard, Lookout, Socket, hear},
    fence::{Barrier, FENCE, News},
    handed::{HandedDriver, HandedGroup, HandedLook, Resumed},
    input::{Effect, Input},
    life::Life,
    notice::Notice,
    output::{Begun, Reader},
    say,
    schedule::NoLock,
    state::{Run, State},
    status::ServiceStatus,
    still::{Freeze, Until},
    usage::Meters,
    vigil::{Verdict, Vigil},
};
use config::{Service, Sign};
use host::{
    Pending,
    handover::Handing,
    proc::oom_kills,
    process::{Child, Command, Exit, Limit, Meter, Pipe, Spawner},
};
use report::{Journal, Lines, Stream, seconds};
use std::{collections::VecDeque, future::pending, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender},
    time::{Instant, sleep_until, timeout, timeout_at},
};

/// How long an end waits for the last lines, so that they are told before it. A grandchild may hold the pipe for ever.
const LAST_LINES: Duration = Duration::from_millis(5);

/// How long the end of everything waits for them, where somebody who has escaped from the group holds a pipe.
const VERY_LAST_LINES: Duration = Duration::from_secs(1);

/// Patience with the lock of an exclusive service before it is parked: the one before it may just be going.
const LOCK: Duration = Duration::from_secs(1);

/// The first look at a group whose leader has ended; later ones come at doubling intervals up to [`RARE_LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// The longest interval between two looks at a group.
const RARE_LOOK: Duration = Duration::from_millis(100);

/// What services are run with; the same for all of them.
pub struct Outfit {
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) checker: Arc<dyn Checker>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) lines: Arc<dyn Lines>,
    pub(crate) meters: Meters,
    /// Where the sockets are on which services tell how they are.
    pub(crate) sockets: PathBuf,
}

impl Outfit {
    /// Processes come from `spawner`, answers from `checker`; what happens is told to `journal`, what services write to
    /// `lines`. Below `sockets`, a directory of our own, they tell how they are, if that is wanted of them.
    pub fn new(
        spawner: Arc<dyn Spawner>,
        checker: Arc<dyn Checker>,
        journal: Arc<dyn Journal>,
        lines: Arc<dyn Lines>,
        sockets: PathBuf,
    ) -> Self {
        Self { spawner, checker, journal, lines, meters: Meters::default(), sockets }
    }
}

/// What a driver is told.
pub(crate) enum Message {
    Input(Input),
    Freeze(Freeze<Told>),
}

/// What is handed over of a driver.
pub(crate) type Told = io::Result<(HandedDriver, Handing)>;

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

/// The process group of a child, which may outlive its leader.
pub(crate) struct Group {
    pub(crate) child: Box<dyn Child>,
    pub(crate) meter: Option<Meter>,
    /// Tells that the line has come by which it is known to be ready.
    pub(crate) line: Option<UnboundedReceiver<()>>,
    /// When to look whether anybody is left, and the interval to the next look; nothing while the leader lives.
    pub(crate) look: Option<(Instant, Duration)>,
}

/// The health check of a running process, and the question that is on its way.
struct Watch {
    run: Run,
    vigil: Vigil,
    question: Option<Pending<'static, Result<(), String>>>,
}

enum Happened {
    Told(Message),
    Ended(Exit),
    Answered(Result<(), String>),
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

    /// The driver of a service that goes on: whose question is not answered yet is asked again.
    pub(crate) fn resume(mut self, resumed: Resumed) -> Self {
        let now = Instant::now();
        let Resumed { driver, group, outputs, socket, used } = resumed;
        let meter = group.as_ref().and_then(|group| group.meter.clone());
        self.outfit.meters.take_over(&self.service.name, &used, meter, now);
        self.limits = group.as_ref().map(|group| group.child.limits().to_vec()).unwrap_or_default();
        let (lookout, line) = match self.life.state() {
            State::Starting(_) => self.lookout(),
            _ => (None, None),
        };
        self.child = group.map(|group| Group { line, ..group });
        for (pipe, stream, begun) in outputs {
            self.read(pipe, stream, lookout.clone(), begun);
        }
        if let (Some(socket), Some(Sign::Notify { watchdog })) = (&socket, self.sign()) {
            self.command.env.extend(socket.variables(watchdog));
        }
        self.socket = socket;
        self.watch_over();
        if let (Some(watch), Some(vigil), Some(check)) = (&mut self.check, driver.vigil, &self.service.health) {
            watch.vigil = Vigil::take_over(check, watch.run.since, vigil);
        }
        self.doubts.go_on_with(driver.missing, now);
        if self.life.is_asking() {
            self.doubts.ask(self.service.needs.clone());
        }
        (self.kills_before, self.out_of_memory, self.status) =
            (driver.kills_before, driver.out_of_memory, driver.status);
        self
    }

    fn sign(&self) -> Option<Sign> {
        self.service.health.as_ref().map(|check| check.sign.clone())
    }

    /// Looks for the line by which the service is known to be ready, if there is one.
    fn lookout(&self) -> (Option<Lookout>, Option<UnboundedReceiver<()>>) {
        match self.sign() {
            Some(Sign::Line(line)) => Some(Lookout::new(line)).unzip(),
            _ => (None, None),
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

    /// Of an exclusive service, before its first start. Who does not get it soon is parked until it does.
    async fn get_the_lock(&mut self) {
        if self.barrier.is_open() {
            return;
        }
        let deadline = Instant::now() + LOCK;
        let mut reason = "nobody has answered yet".to_owned();
        while let Ok(news) = timeout_at(deadline, self.barrier.news()).await {
            match news {
                News::Got => return,
                News::Refused(NoLock::Held(why) | NoLock::Unknown(why)) => reason = why,
            }
        }
        self.feed(Input::NeedLost { name: FENCE.to_owned(), reason });
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

    fn fenced(&mut self, news: News) {
        let input = match news {
            News::Got => {
                self.outfit.journal.note(say::locked(&self.service.name));
                Input::NeedMet { name: FENCE.to_owned() }
            }
            News::Refused(NoLock::Held(reason)) => Input::Fenced { reason },
            News::Refused(NoLock::Unknown(reason)) => Input::NeedLost { name: FENCE.to_owned(), reason },
        };
        self.feed(input);
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

    /// What is handed over; the readers stand still from then on.
    async fn hand_over(&mut self, until: &Until) -> Told {
        if !self.barrier.is_open() {
            return Err(io::Error::other("it is exclusive, and its lock would be lost"));
        }
        let (mut all, mut pipes) = (Handing::default(), Vec::new());
        for reader in &mut self.readers {
            if let Some(told) = reader.stand_still(until).await {
                let (pipe, handing) = told?;
                pipes.push(pipe);
                all.extend(handing);
            }
        }
        // The line may have come just now.
        let line = self.child.as_mut().and_then(|group| group.line.as_mut()).map(UnboundedReceiver::try_recv);
        if let Some(Ok(())) = line {
            self.heard(Heard::Line, Instant::now());
        }
        let group = self.child.as_ref().map(|group| group.hand_over(&mut all)).transpose()?;
        let driver = HandedDriver {
            life: self.life.hand_over(),
            vigil: self.check.as_ref().map(|watch| watch.vigil.hand_over()),
            group,
            pipes,
            socket: self.socket.as_ref().map(|socket| socket.hand_over(&mut all)),
            missing: self.doubts.missing(),
            kills_before: self.kills_before,
            out_of_memory: self.out_of_memory,
            status: self.status.clone(),
        };
        Ok((driver, all))
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

    /// Asks, or finds that it was waited long enough.
    fn check_on(&mut self, now: Instant) {
        let Some(watch) = &mut self.check else { return };
        if watch.question.is_some() || watch.vigil.next().is_none_or(|next| next > now) {
            return;
        }
        if watch.vigil.asks() {
            watch.question = Some(question(&self.outfit.checker, &self.service));
        } else {
            let verdict = watch.vigil.elapsed(now);
            self.judged(verdict);
        }
    }

    // The process.

    /// The leader ended. Its last lines are told first.
    async fn ended(&mut self, exit: Exit) {
        let Some(group) = &mut self.child else { return };
        let counted = group.meter.as_ref().and_then(Meter::oom_kills);
        let guessed = exit == Exit::Signal(SIGKILL) && oom_kills() > self.kills_before;
        self.out_of_memory = counted.map_or(guessed, |kills| kills > 0);
        if counted.is_none() && guessed {
            self.outfit.meters.out_of_memory(&self.service.name, 1);
        }
        let _ = timeout(LAST_LINES, last_lines(&mut self.readers)).await;
        let left_behind = group.child.group_alive();
        match left_behind {
            true => group.look = Some((Instant::now() + FIRST_LOOK, FIRST_LOOK)),
            false => self.nobody_left(),
        }
        self.feed(Input::Exited { exit, left_behind });
    }

    fn look(&mut self, now: Instant) {
        if matches!(self.life.state(), State::Killing(_)) {
            // Who was forked while the others were killed is killed as well.
            self.signal(SIGKILL);
        }
        let Some(group) = &mut self.child else { return };
        if group.child.group_alive() {
            let interval = group.look.map_or(FIRST_LOOK, |(_, interval)| (interval * 2).min(RARE_LOOK));
            group.look = Some((now + interval, interval));
        } else {
            self.nobody_left();
            self.feed(Input::GroupGone);
        }
    }

    fn nobody_left(&mut self) {
        self.outfit.meters.ended(&self.service.name);
        self.child = None;
    }

    // What the answers amount to.

    fn answered(&mut self, answer: Result<(), String>) {
        let Some(watch) = &mut self.check else { return };
        watch.question = None;
        let verdict = watch.vigil.answered(answer, Instant::now());
        self.judged(verdict);
    }

    fn judged(&mut self, verdict: Option<Verdict>) {
        match verdict {
            Some(Verdict::Ready) => self.feed(Input::Ready),
            Some(Verdict::Unready(reason)) => self.feed(Input::Unready { reason }),
            Some(Verdict::Unhealthy(reason)) => self.feed(Input::Unhealthy { reason }),
            Some(Verdict::Healthy) => self.feed(Input::Healthy),
            Some(Verdict::Flapping(how)) => self.outfit.journal.note(say::flapping(&self.service.name, &how)),
            Some(Verdict::Steady) => self.outfit.journal.note(say::steady(&self.service.name)),
            None => {}
        }
    }

    fn heard(&mut self, heard: Heard, now: Instant) {
        match heard {
            Heard::Line => self.noticed(Notice::Ready, now),
            Heard::Notices(notices) => notices.into_iter().for_each(|notice| self.noticed(notice, now)),
            Heard::Stranger(pid) if !std::mem::replace(&mut self.strangers, true) => {
                self.outfit.journal.note(say::stranger(&self.service.name, pid));
            }
            Heard::Stranger(_) => {}
        }
    }

    fn noticed(&mut self, notice: Notice, now: Instant) {
        let starting = matches!(self.life.state(), State::Starting(_));
        let verdict = match (notice, self.check.as_mut().map(|watch| &mut watch.vigil)) {
            (Notice::Ready, Some(vigil)) if starting => Some(vigil.ready(now)),
            (Notice::Fed, Some(vigil)) => vigil.fed(now),
            (Notice::Unwell, Some(vigil)) => Some(vigil.unwell("it says itself that it is not well".to_owned())),
            (Notice::Watchdog(every), Some(vigil)) => {
                vigil.watchdog(every, now);
                None
            }
            (Notice::Extend(more), Some(vigil)) if starting => {
                vigil.extend(more, now);
                None
            }
            (Notice::Extend(more), _) => return self.feed(Input::Extended { until: now + more }),
            (other, _) => return self.said(other),
        };
        self.judged(verdict);
    }

    /// What changes nothing but what is known.
    fn said(&mut self, notice: Notice) {
        let name = &self.service.name;
        let event = match notice {
            Notice::Status(status) => return self.status = status,
            Notice::Reloading => say::says(name, "it reloads its configuration"),
            Notice::Stopping => say::says(name, "it stops"),
            Notice::Errno(number) => {
                let error = io::Error::from_raw_os_error(number).to_string();
                say::says(name, &format!("it fails: {error}"))
            }
            Notice::Refused(what) => say::not_done(name, what),
            _ => return,
        };
        self.outfit.journal.note(event);
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

    fn spawn(&mut self) -> Input {
        self.status = None;
        match self.listen().and_then(|()| self.outfit.spawner.spawn(&self.command)) {
            Ok(child) => self.spawned(child),
            Err(error) => Input::SpawnFailed { reason: error.to_string(), permanent: is_permanent(error.kind()) },
        }
    }

    fn spawned(&mut self, mut child: Box<dyn Child>) -> Input {
        self.kills_before = oom_kills();
        let (pid, meter) = (child.pid(), child.meter());
        self.outfit.meters.started(&self.service.name, meter.clone(), Instant::now());
        let (lookout, line) = self.lookout();
        self.readers.retain(|reader| !reader.task.is_finished());
        if let Some(pipes) = child.take_output() {
            self.read(pipes.stdout, Stream::Stdout, lookout.clone(), Begun::default());
            self.read(pipes.stderr, Stream::Stderr, lookout, Begun::default());
        }
        if child.limits() != self.limits {
            self.limits = child.limits().to_vec();
            self.outfit.journal.note(say::limited(&self.service.name, &self.limits));
        }
        self.child = Some(Group { child, meter, line, look: None });
        Input::Spawned { pid }
    }

    /// Binds the socket of a service that tells by itself, if that is still to be done.
    fn listen(&mut self) -> io::Result<()> {
        let Some(Sign::Notify { watchdog }) = self.service.health.as_ref().map(|check| check.sign.clone()) else {
            return Ok(());
        };
        if self.socket.is_none() {
            let socket = Socket::bind(&self.outfit.sockets.join(format!("{}.{}", self.service.name, self.id)))?;
            self.command.env.extend(socket.variables(watchdog));
            self.socket = Some(socket);
        }
        Ok(())
    }

    fn read(&mut self, pipe: Box<dyn Pipe>, stream: Stream, lookout: Option<Lookout>, begun: Begun) {
        let name: Arc<str> = self.service.name.as_str().into();
        self.readers.push(Reader::start(pipe, name, stream, Arc::clone(&self.outfit.lines), lookout, begun));
    }

    fn signal(&self, signal: i32) {
        if let Some(Err(error)) = self.child.as_ref().map(|group| group.child.signal(signal)) {
            self.outfit.journal.note(say::signal_failed(&self.service.name, signal, &error));
        }
    }

    /// A new process gets a new vigil, a gone one none.
    fn watch_over(&mut self) {
        let run = match self.life.state() {
            State::Starting(run) | State::Running(run) => Some(Run { accused: false, ..*run }),
            _ => None,
        };
        if self.check.as_ref().map(|watch| watch.run) != run {
            let health = self.service.health.as_ref();
            let watch = |(run, check): (Run, _)| Watch { run, vigil: Vigil::new(check, run.since), question: None };
            self.check = run.zip(health).map(watch);
        }
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

impl Group {
    fn hand_over(&self, all: &mut Handing) -> io::Result<HandedGroup> {
        let look = self.look.map(|(at, interval)| HandedLook { at, interval });
        Ok(HandedGroup { child: self.child.hand_over(all)?, look })
    }
}

impl Drop for Driver {
    /// Whoever drops the supervisor does not want its services any more.
    fn drop(&mut self) {
        self.signal(SIGKILL);
    }
}

pub(crate) const SIGKILL: i32 = 9;

/// Nobody mends these by waiting.
pub(crate) fn is_permanent(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(kind, InvalidInput | IsADirectory | NotADirectory | NotFound | PermissionDenied)
}

fn question(checker: &Arc<dyn Checker>, service: &Arc<Service>) -> Pending<'static, Result<(), String>> {
    let (checker, service) = (Arc::clone(checker), Arc::clone(service));
    Box::pin(async move {
        let Some(check) = &service.health else { return Ok(()) };
        let answer = timeout(check.timeout, checker.check(check)).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {}", seconds(check.timeout))))
    })
}

async fn end_of(leader: Option<&mut Box<dyn Child>>) -> Exit {
    match leader {
        // A child that cannot be waited for is as lost as one that was killed.
        Some(leader) => leader.wait().await.unwrap_or(Exit::Signal(SIGKILL)),
        None => pending().await,
    }
}

async fn answer_to(watch: Option<&mut Watch>) -> Result<(), String> {
    match watch.and_then(|watch| watch.question.as_mut()) {
        Some(question) => question.await,
        None => pending().await,
    }
}

/// Those of the last process first. Safe to drop and call again.
async fn last_lines(readers: &mut Vec<Reader>) {
    while let Some(reader) = readers.last_mut() {
        let _ = (&mut reader.task).await;
        readers.pop();
    }
}

pub(crate) async fn until(tick: Option<Instant>) {
    match tick {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
