//! Carries out what the lives of all jobs decide: one task for all of them, asleep until something happens.

use super::{
    attend::{Group, attend},
    book::{Book, JobBook, Running},
    handle::{JobStatus, Message, ScheduleHandle},
    life::JobLife,
    phase::{Effect, Input, Now, Phase},
    run::{Planned, RunRecord},
    say,
    surroundings::{Guard, Surroundings},
};
use crate::{
    Need,
    driver::{SIGKILL, is_permanent, until},
};
use config::Job;
use host::{
    Clock, Env,
    alarm::Alarm,
    process::{Command, Mark, Output, Spawner},
};
use jiff::Timestamp;
use report::{Event, Journal, Level, Lines};
use std::{collections::VecDeque, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinSet,
    time::{Instant, timeout},
};

/// Clocks of hosts differ: a lock that several of them share is held so long after the due time, or for half the time to
/// the next one, so that nobody who comes a little later finds it free.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// Pings under way have this long when everything ends.
const LAST_PINGS: Duration = Duration::from_secs(2);

/// Runs jobs when they are due.
pub struct Scheduler {
    members: Vec<Member>,
    outfit: Outfit,
    alarm: Alarm,
    book: Book,
    /// Nothing is written when there is none.
    path: Option<PathBuf>,
    told_unsaved: bool,
    stopping: bool,
    /// No run begins by itself.
    by_hand: bool,
    inbox: UnboundedReceiver<Message>,
    sender: UnboundedSender<Message>,
    statuses: watch::Sender<Vec<JobStatus>>,
    tasks: JoinSet<()>,
    pings: JoinSet<()>,
}

struct Outfit {
    spawner: Arc<dyn Spawner>,
    surroundings: Arc<dyn Surroundings>,
    journal: Arc<dyn Journal>,
    lines: Arc<dyn Lines>,
    clock: Arc<dyn Clock>,
}

struct Member {
    life: JobLife,
    env: Env,
    mark: Option<Mark>,
    /// To the task that stays with the process.
    signals: Option<UnboundedSender<i32>>,
    guard: Option<Guard>,
    /// When the guard may go.
    unlock: Option<Instant>,
}

impl Scheduler {
    /// Prepares `jobs`; runs nothing. Each gets `base_env`, its own variables, its [`Mark`] where there
    /// is an `instance`, `MAINSTAY_JOB` with its name and
    /// `MAINSTAY_DUE` with the due time. What is remembered stands in `book` and is written to `path`; without a path,
    /// nothing is.
    ///
    /// # Errors
    /// When the system has no timer left.
    #[expect(clippy::too_many_arguments, reason = "the seams, each of another kind")]
    pub fn new(
        jobs: Vec<Job>,
        instance: Option<&str>,
        base_env: &Env,
        book: Book,
        path: Option<PathBuf>,
        spawner: Arc<dyn Spawner>,
        surroundings: Arc<dyn Surroundings>,
        journal: Arc<dyn Journal>,
        lines: Arc<dyn Lines>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let (sender, inbox) = unbounded_channel();
        let mut scheduler = Self {
            members: Vec::new(),
            outfit: Outfit { spawner, surroundings, journal, lines, clock },
            alarm: Alarm::new()?,
            book,
            path,
            told_unsaved: false,
            stopping: false,
            by_hand: false,
            inbox,
            sender,
            statuses: watch::Sender::new(Vec::new()),
            tasks: JoinSet::new(),
            pings: JoinSet::new(),
        };
        let now = scheduler.now().wall;
        for job in jobs {
            let (through, lost) = scheduler.book.open(&job, now);
            if let Some(due) = lost {
                scheduler.outfit.journal.note(say::lost(&job.name, due));
            }
            let mark = instance.map(|instance| Mark { instance: instance.to_owned(), service: job.name.clone() });
            let env = environment(&job, base_env);
            let life = JobLife::new(Arc::new(job), through);
            scheduler.members.push(Member { life, env, mark, signals: None, guard: None, unlock: None });
        }
        scheduler.publish();
        Ok(scheduler)
    }

    /// What others may ask of it, also before it runs.
    pub fn handle(&self) -> ScheduleHandle {
        ScheduleHandle { sender: self.sender.clone(), statuses: self.statuses.subscribe() }
    }

    /// Runs until told to stop. Dropped before, it kills what is at work.
    ///
    /// Run it on a runtime of one thread that lives as long as the jobs (see [`host::process`]).
    pub async fn run(mut self) {
        self.save().await;
        self.look_at_the_calendar().await;
        while !(self.stopping && self.is_quiet()) {
            self.turn().await;
        }
        self.end().await;
    }

    /// Runs one job once, now, and answers what became of it; nothing is due by itself.
    pub async fn run_one(mut self, job: &str) -> Option<RunRecord> {
        self.by_hand = true;
        let index = self.members.iter().position(|member| member.life.job().name == job)?;
        let name = self.members[index].life.job().name.clone();
        let before = self.book.jobs.get(&name).map_or(0, |book| book.runs.len());
        self.feed(index, Input::RunNow).await;
        while !self.is_quiet() {
            self.turn().await;
        }
        let record = self.book.jobs.get(&name).filter(|book| book.runs.len() != before);
        let record = record.and_then(|book| book.runs.last().cloned());
        self.end().await;
        record
    }

    async fn end(&mut self) {
        let pings = async { while self.pings.join_next().await.is_some() {} };
        let _ = timeout(LAST_PINGS, pings).await;
    }

    /// Waits for something to happen, and does what follows.
    async fn turn(&mut self) {
        let due = self.next_due();
        if let Some(due) = due
            && let Err(error) = self.alarm.set(due.into())
        {
            self.no_alarm(&error);
        }
        let elapse = self.next_elapse();
        tokio::select! {
            biased;
            Some(message) = self.inbox.recv() => self.take(message).await,
            ring = self.alarm.ring(), if due.is_some() => match ring {
                Ok(_) => self.look_at_the_calendar().await,
                Err(error) => self.no_alarm(&error),
            },
            () = until(elapse) => self.elapsed().await,
            Some(_) = self.tasks.join_next() => {}
        }
        self.publish();
    }

    fn next_due(&self) -> Option<Timestamp> {
        if self.by_hand { None } else { self.members.iter().filter_map(|member| member.life.next_due()).min() }
    }

    fn next_elapse(&self) -> Option<Instant> {
        let of = |member: &Member| [member.life.next_elapse(), member.unlock].into_iter().flatten().min();
        self.members.iter().filter_map(of).min()
    }

    fn is_quiet(&self) -> bool {
        self.members.iter().all(|member| *member.life.phase() == Phase::Idle)
    }

    /// Without its timer nothing would ever be due any more.
    fn no_alarm(&mut self, error: &io::Error) {
        let text = format!("jobs cannot be run any more: the timer of the system fails: {error}");
        self.outfit.journal.note(Event::new("schedule.lost", text).level(Level::Error));
        self.by_hand = true;
    }

    async fn take(&mut self, message: Message) {
        match message {
            Message::Need { name, need: Need::Met } => self.feed_all(&Input::NeedMet(name)).await,
            // Whoever waits asks by itself before it begins.
            Message::Need { need: Need::Down { .. }, .. } => {}
            Message::RunNow { name } => {
                let index = self.members.iter().position(|member| member.life.job().name == name);
                if let Some(index) = index {
                    self.feed(index, Input::RunNow).await;
                }
            }
            Message::Stop => {
                self.stopping = true;
                self.feed_all(&Input::Stop).await;
            }
            Message::Force => {
                self.stopping = true;
                self.feed_all(&Input::Force).await;
            }
            Message::NeedsKnown(index, answer) => self.feed(index, Input::NeedsKnown(answer)).await,
            Message::Locked(index, answer) => {
                let answer = answer.map(|guard| self.members[index].guard = Some(guard));
                self.feed(index, Input::Locked(answer)).await;
            }
            Message::Ended(index, exit) => {
                self.members[index].signals = None;
                self.feed(index, Input::Exited(exit)).await;
            }
        }
    }

    async fn look_at_the_calendar(&mut self) {
        self.feed_all(&Input::Clock).await;
    }

    async fn elapsed(&mut self) {
        let now = Instant::now();
        for member in self.members.iter_mut().filter(|member| member.unlock.is_some_and(|at| at <= now)) {
            (member.guard, member.unlock) = (None, None);
        }
        self.feed_all(&Input::Elapsed).await;
    }

    async fn feed_all(&mut self, input: &Input) {
        for index in 0..self.members.len() {
            self.feed(index, input.clone()).await;
        }
    }

    async fn feed(&mut self, index: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now();
            for effect in self.members[index].life.step(input, now) {
                inputs.extend(self.carry_out(index, effect).await);
            }
        }
    }

    async fn carry_out(&mut self, index: usize, effect: Effect) -> Option<Input> {
        match effect {
            Effect::AskNeeds => self.ask_needs(index),
            Effect::TakeLock => return self.take_lock(index),
            Effect::Unlock => self.unlock(index),
            Effect::Save => self.save().await,
            Effect::Spawn(plan) => return Some(self.spawn(index, &plan)),
            Effect::Signal(signal) => self.signal(index, signal),
            Effect::Kill => self.signal(index, SIGKILL),
            Effect::Record(record) => self.entry(index).keep(record),
            Effect::Ping(success) => self.ping(index, success),
            Effect::Note(event) => self.outfit.journal.note(event),
        }
        None
    }

    fn ask_needs(&mut self, index: usize) {
        let (surroundings, job) = (self.outfit.surroundings.clone(), self.members[index].life.job().clone());
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let mut answer = Ok(());
            for need in &job.needs {
                answer =
                    surroundings.need(need).await.map_err(|why| format!("it needs `{need}`, which is down: {why}"));
                if answer.is_err() {
                    break;
                }
            }
            let _ = sender.send(Message::NeedsKnown(index, answer));
        });
    }

    /// A lock that is still held from the run before is as good as a new one.
    fn take_lock(&mut self, index: usize) -> Option<Input> {
        let member = &mut self.members[index];
        if member.guard.is_some() {
            member.unlock = None;
            return Some(Input::Locked(Ok(())));
        }
        let (surroundings, job) = (self.outfit.surroundings.clone(), member.life.job().clone());
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let _ = sender.send(Message::Locked(index, surroundings.lock(&job).await));
        });
        None
    }

    fn unlock(&mut self, index: usize) {
        let now = self.now();
        let by_hand = self.by_hand;
        let member = &mut self.members[index];
        let hold = match member.life.job().single {
            Some(_) if !by_hand => still_to_hold(&member.life, now.wall),
            _ => Duration::ZERO,
        };
        match hold {
            Duration::ZERO => (member.guard, member.unlock) = (None, None),
            hold => member.unlock = Some(now.at + hold),
        }
    }

    fn spawn(&mut self, index: usize, plan: &Planned) -> Input {
        let member = &mut self.members[index];
        let job = member.life.job().clone();
        let mut env = member.env.clone();
        env.insert("MAINSTAY_DUE".to_owned(), plan.due.to_string());
        let command = Command {
            argv: job.argv.clone(),
            cwd: job.cwd.clone(),
            env,
            listeners: Vec::new(),
            output: Output::Piped,
            mark: member.mark.clone(),
            limits: host::process::Limits::default(),
        };
        match self.outfit.spawner.spawn(&command) {
            Ok(child) => {
                let (signals, orders) = unbounded_channel();
                member.signals = Some(signals);
                let (pid, sender) = (child.pid(), self.sender.clone());
                let (lines, journal) = (self.outfit.lines.clone(), self.outfit.journal.clone());
                let group = Group::new(child);
                self.tasks.spawn(async move {
                    let exit = attend(group, job.name.as_str().into(), orders, lines, journal).await;
                    let _ = sender.send(Message::Ended(index, exit));
                });
                Input::Spawned(pid)
            }
            Err(error) => {
                let permanent = is_permanent(error.kind());
                Input::SpawnFailed { reason: error.to_string(), permanent }
            }
        }
    }

    fn signal(&self, index: usize, signal: i32) {
        if let Some(signals) = &self.members[index].signals {
            let _ = signals.send(signal);
        }
    }

    fn ping(&mut self, index: usize, success: bool) {
        let job = self.members[index].life.job().clone();
        let url = if success { &job.ping_success } else { &job.ping_failure };
        let Some(url) = url.clone() else { return };
        let (surroundings, journal) = (self.outfit.surroundings.clone(), self.outfit.journal.clone());
        while self.pings.try_join_next().is_some() {}
        self.pings.spawn(async move {
            if let Err(reason) = surroundings.ping(&url).await {
                journal.note(say::ping_failed(&job.name, &reason));
            }
        });
    }

    fn entry(&mut self, index: usize) -> &mut JobBook {
        let life = &self.members[index].life;
        let fresh = || JobBook {
            rhythm: life.job().rhythm.to_string(),
            through: life.through(),
            running: None,
            runs: Vec::new(),
        };
        self.book.jobs.entry(life.job().name.clone()).or_insert_with(fresh)
    }

    /// Writes down how everything stands. The disk may be slow: services are looked after meanwhile.
    async fn save(&mut self) {
        for index in 0..self.members.len() {
            let life = &self.members[index].life;
            let running = life.running().and_then(|plan| {
                Some(Running { due: plan.due, why: plan.why, started: plan.began?, attempt: plan.attempt })
            });
            let through = life.through();
            let entry = self.entry(index);
            (entry.through, entry.running) = (through, running);
        }
        let Some(path) = self.path.clone() else { return };
        let book = self.book.clone();
        let saved =
            tokio::task::spawn_blocking(move || book.save(&path)).await.unwrap_or_else(|error| Err(error.into()));
        match saved {
            Ok(()) => self.told_unsaved = false,
            Err(error) if !self.told_unsaved => {
                self.told_unsaved = true;
                self.outfit.journal.note(say::unsaved(&error));
            }
            Err(_) => {}
        }
    }

    fn publish(&self) {
        let statuses: Vec<_> = self.members.iter().map(|member| self.status(member)).collect();
        self.statuses.send_if_modified(|old| {
            let changed = *old != statuses;
            *old = statuses;
            changed
        });
    }

    fn status(&self, member: &Member) -> JobStatus {
        let life = &member.life;
        let (state, reason) = match life.phase() {
            Phase::Idle => ("idle", None),
            Phase::Gated { reason, .. } => ("waiting", Some(reason.clone())),
            Phase::Asking { .. } | Phase::Locking { .. } => ("waiting", None),
            Phase::Running(_) => ("running", None),
            Phase::Stopping { .. } => ("stopping", None),
            Phase::Retrying { .. } => ("retrying", None),
        };
        let last = self.book.jobs.get(&life.job().name).and_then(|book| book.runs.last().cloned());
        JobStatus { name: life.job().name.clone(), state, reason, next: life.next_due(), last }
    }

    fn now(&self) -> Now {
        let wall = Timestamp::try_from(self.outfit.clock.now()).unwrap_or_default();
        Now { wall, at: Instant::now() }
    }
}

/// How much longer a shared lock is held.
fn still_to_hold(life: &JobLife, now: Timestamp) -> Duration {
    let due = life.through();
    let Some(next) = life.job().rhythm.next_after(due) else { return Duration::ZERO };
    let half = Duration::try_from(next.duration_since(due)).unwrap_or_default() / 2;
    let age = Duration::try_from(now.duration_since(due)).unwrap_or_default();
    half.min(CLOCKS_DIFFER).saturating_sub(age)
}

/// What the job itself declares wins.
fn environment(job: &Job, base_env: &Env) -> Env {
    let mut env = base_env.clone();
    env.insert("MAINSTAY_JOB".to_owned(), job.name.clone());
    env.extend(job.env.clone());
    env
}
