//! Carries out what the lives of all jobs decide: one task for all of them, asleep until something happens.

mod begin;
mod effects;
mod handed;
mod reload;

use super::{
    asker::{Askers, RunNews},
    attend::Order,
    book::Book,
    handle::{JobStatus, Message, ScheduleHandle},
    life::JobLife,
    phase::{Input, Now, Phase},
    run::{NoLock, RunRecord},
    say,
    surroundings::Surroundings,
};
use crate::{Need, driver::until, guard::Guard};
use config::{Job, Rhythm};
use host::{
    Clock, Env,
    alarm::Alarm,
    process::{Mark, RELEASE, Spawner},
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

/// Pings under way have this long when everything ends.
const LAST_PINGS: Duration = Duration::from_secs(2);

/// Runs jobs when they are due.
pub struct Scheduler {
    members: Vec<Member>,
    /// How many members there were so far.
    ids: usize,
    /// In the marks of all processes.
    instance: Option<String>,
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
    /// By what the tasks of its runs name it; never used again.
    id: usize,
    life: JobLife,
    env: Env,
    mark: Option<Mark>,
    askers: Askers,
    /// Not configured any more; forgotten once its run is over.
    retired: bool,
    /// The process at work.
    pid: Option<u32>,
    /// To the task that stays with the process.
    orders: Option<UnboundedSender<Order>>,
    guard: Option<Box<dyn Guard>>,
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
            ids: 0,
            instance: instance.map(str::to_owned),
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
        for job in jobs {
            let member = scheduler.member(job, base_env);
            scheduler.members.push(member);
        }
        scheduler.publish();
        Ok(scheduler)
    }

    /// What was at work when the last mainstay ended is told as lost.
    fn member(&mut self, job: Job, base_env: &Env) -> Member {
        let (through, lost) = self.book.open(&job, self.now().wall);
        if let Some(due) = lost {
            self.outfit.journal.note(say::lost(&job.name, due));
        }
        self.member_with(JobLife::new(Arc::new(job), through), base_env)
    }

    fn member_with(&mut self, life: JobLife, base_env: &Env) -> Member {
        self.ids += 1;
        let job = life.job();
        let env = environment(job, base_env);
        let release = env.get(RELEASE).cloned();
        let mark = |instance: &String| Mark { instance: instance.clone(), service: job.name.clone(), release };
        let mark = self.instance.as_ref().map(mark);
        let (askers, retired, pid) = (Askers::default(), false, None);
        Member { id: self.ids, life, env, mark, askers, retired, pid, orders: None, guard: None, unlock: None }
    }

    /// What others may ask of it, also before it runs.
    pub fn handle(&self) -> ScheduleHandle {
        ScheduleHandle { sender: self.sender.clone(), statuses: self.statuses.subscribe() }
    }

    /// Runs until told to stop. Dropped before, it kills what is at work.
    ///
    /// Run it on a runtime of one thread that lives as long as the jobs (see [`host::process`]).
    pub async fn run(self) {
        self.run_after(Vec::new()).await;
    }

    async fn run_after(mut self, asked: Vec<Message>) {
        if !self.members.is_empty() {
            self.save().await;
        }
        self.ask_again().await;
        self.look_at_the_calendar().await;
        for message in asked {
            self.take(message).await;
        }
        while !(self.stopping && self.is_quiet()) {
            self.turn().await;
        }
        self.end().await;
    }

    /// Runs one job once, now, and answers what became of it; nothing is due by itself.
    pub async fn run_one(mut self, job: &str) -> Option<RunRecord> {
        self.by_hand = true;
        let (news, mut told) = unbounded_channel();
        self.run_now(job, news).await;
        while !self.is_quiet() {
            self.turn().await;
        }
        self.end().await;
        std::iter::from_fn(|| told.try_recv().ok()).find_map(|news| match news {
            RunNews::Over(record) => Some(record),
            RunNews::Taken(_) | RunNews::Began { .. } => None,
        })
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
            Message::RunNow { name, news } => self.run_now(&name, news).await,
            Message::Reload { jobs, base_env, reply } => {
                let _ = reply.send(self.reload(jobs, &base_env).await);
            }
            Message::Ran { name, record } => self.keep_foreign(&name, record).await,
            Message::StandStill(freeze) => self.stand_still(freeze).await,
            Message::Stop => self.stop(&Input::Stop).await,
            Message::Force => self.stop(&Input::Force).await,
            Message::NeedsKnown(id, answer) => self.feed(id, Input::NeedsKnown(answer)).await,
            Message::Locked(id, answer) => self.locked(id, answer).await,
            Message::Ended(id, exit) => {
                if let Some(member) = self.member_of(id) {
                    (member.orders, member.pid) = (None, None);
                }
                self.feed(id, Input::Exited(exit)).await;
                self.settle();
            }
        }
    }

    async fn run_now(&mut self, name: &str, news: UnboundedSender<RunNews>) {
        let named = |member: &&mut Member| member.life.job().name == name && !member.retired;
        let Some(member) = self.members.iter_mut().find(named) else { return };
        member.askers.asks(news);
        let id = member.id;
        self.feed(id, Input::RunNow).await;
        if let Some(member) = self.member_of(id) {
            member.askers.unheard();
        }
    }

    async fn stop(&mut self, how: &Input) {
        self.stopping = true;
        self.feed_all(how).await;
        let ids: Vec<_> = self.members.iter().map(|member| member.id).collect();
        ids.into_iter().for_each(|id| self.call_off(id));
    }

    /// Whoever waits for a run that will not begin any more need not wait.
    fn call_off(&mut self, id: usize) {
        if let Some(member) = self.member_of(id) {
            let at_work = *member.life.phase() != Phase::Idle;
            member.askers.call_off(at_work);
        }
    }

    async fn locked(&mut self, id: usize, answer: Result<Box<dyn Guard>, NoLock>) {
        let Some(member) = self.member_of(id) else { return };
        let answer = answer.map(|guard| member.guard = Some(guard));
        self.feed(id, Input::Locked(answer)).await;
    }

    fn member_of(&mut self, id: usize) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
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
            self.feed(self.members[index].id, input.clone()).await;
        }
    }

    /// That there is no such member any more is not an error.
    async fn feed(&mut self, id: usize, input: Input) {
        let Some(index) = self.members.iter().position(|member| member.id == id) else { return };
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now();
            for effect in self.members[index].life.step(input, now) {
                inputs.extend(self.carry_out(index, effect).await);
            }
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
            Phase::Idle if life.job().rhythm == Rhythm::Off => ("off", None),
            Phase::Idle => ("idle", None),
            Phase::Gated { reason, .. } => ("waiting", Some(reason.clone())),
            Phase::Asking { .. } | Phase::Locking { .. } => ("waiting", None),
            Phase::Running(_) => ("running", None),
            Phase::Stopping { .. } => ("stopping", None),
            Phase::Retrying { .. } => ("retrying", None),
        };
        let last = self.book.jobs.get(&life.job().name).and_then(|book| book.runs.last().cloned());
        JobStatus {
            name: life.job().name.clone(),
            state,
            retired: member.retired,
            reason,
            pid: member.pid,
            next: life.next_due(),
            last,
        }
    }

    fn now(&self) -> Now {
        let wall = Timestamp::try_from(self.outfit.clock.now()).unwrap_or_default();
        Now { wall, at: Instant::now() }
    }
}

/// What the job itself declares wins.
fn environment(job: &Job, base_env: &Env) -> Env {
    let mut env = base_env.clone();
    env.insert("MAINSTAY_JOB".to_owned(), job.name.clone());
    env.extend(job.env.clone());
    env
}
