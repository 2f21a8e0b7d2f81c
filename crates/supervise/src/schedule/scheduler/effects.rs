//! What the life of a job decides is carried out.

use super::Scheduler;
use crate::{
    driver::{SIGKILL, is_permanent},
    schedule::{
        attend::{Group, Order, attend},
        book::{JobBook, Running},
        handed::Output,
        handle::Message,
        life::JobLife,
        phase::{Effect, Input},
        run::{Planned, RunRecord},
        say,
    },
};
use host::process::{self, Command};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

/// Clocks of hosts differ: a lock that several of them share is held so long after the due time, or for half the time to
/// the next one, so that nobody who comes a little later finds it free.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

impl Scheduler {
    pub(super) async fn carry_out(&mut self, index: usize, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Taken(how) => self.members[index].askers.taken(how),
            Effect::AskNeeds => self.ask_needs(index),
            Effect::TakeLock => return self.take_lock(index),
            Effect::Unlock => self.unlock(index),
            Effect::Save => self.save().await,
            Effect::Spawn(plan) => return Some(self.spawn(index, &plan)),
            Effect::Signal(signal) => self.signal(index, signal),
            Effect::Kill => self.signal(index, SIGKILL),
            Effect::Record(record) => {
                self.members[index].askers.over(&record);
                self.entry(index).keep(record);
            }
            Effect::Ping(success) => self.ping(index, success),
            Effect::Note(event) => self.outfit.journal.note(event),
        }
        None
    }

    fn ask_needs(&mut self, index: usize) {
        let member = &self.members[index];
        let (id, job) = (member.id, member.life.job().clone());
        let (surroundings, sender) = (self.outfit.surroundings.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            let mut answer = Ok(());
            for need in &job.needs {
                answer =
                    surroundings.need(need).await.map_err(|why| format!("it needs `{need}`, which is down: {why}"));
                if answer.is_err() {
                    break;
                }
            }
            let _ = sender.send(Message::NeedsKnown(id, answer));
        });
    }

    /// A lock that is still held from the run before is as good as a new one.
    fn take_lock(&mut self, index: usize) -> Option<Input> {
        let member = &mut self.members[index];
        if member.guard.is_some() {
            member.unlock = None;
            return Some(Input::Locked(Ok(())));
        }
        let (id, job) = (member.id, member.life.job().clone());
        let (surroundings, sender) = (self.outfit.surroundings.clone(), self.sender.clone());
        self.tasks.spawn(async move {
            let _ = sender.send(Message::Locked(id, surroundings.lock(&job).await));
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
            output: process::Output::Piped,
            mark: member.mark.clone(),
            limits: process::Limits::default(),
        };
        match self.outfit.spawner.spawn(&command) {
            Ok(child) => {
                let pid = child.pid();
                member.askers.began(pid, plan.attempt);
                let mut group = Group::new(child);
                let outputs = group.outputs();
                self.stay_with(index, pid, group, outputs);
                Input::Spawned(pid)
            }
            Err(error) => {
                let permanent = is_permanent(error.kind());
                Input::SpawnFailed { reason: error.to_string(), permanent }
            }
        }
    }

    /// Somebody stays with the processes of its run until they are gone.
    pub(super) fn stay_with(&mut self, index: usize, pid: u32, group: Group, outputs: Vec<Output>) {
        let (told, orders) = unbounded_channel();
        let member = &mut self.members[index];
        (member.orders, member.pid) = (Some(told), Some(pid));
        let (id, name, sender) = (member.id, member.life.job().name.as_str().into(), self.sender.clone());
        let (lines, journal) = (self.outfit.lines.clone(), self.outfit.journal.clone());
        self.tasks.spawn(async move {
            let exit = attend(group, outputs, name, orders, lines, journal).await;
            let _ = sender.send(Message::Ended(id, exit));
        });
    }

    fn signal(&self, index: usize, signal: i32) {
        if let Some(orders) = &self.members[index].orders {
            let _ = orders.send(Order::Signal(signal));
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

    /// A run that somebody else has done.
    pub(super) async fn keep_foreign(&mut self, name: &str, record: RunRecord) {
        self.book.keep(name, record);
        self.save().await;
    }

    /// Writes down how everything stands. The disk may be slow: services are looked after meanwhile.
    pub(super) async fn save(&mut self) {
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
}

/// How much longer a shared lock is held.
fn still_to_hold(life: &JobLife, now: Timestamp) -> Duration {
    let due = life.through();
    let Some(next) = life.job().rhythm.next_after(due) else { return Duration::ZERO };
    let half = Duration::try_from(next.duration_since(due)).unwrap_or_default() / 2;
    let age = Duration::try_from(now.duration_since(due)).unwrap_or_default();
    half.min(CLOCKS_DIFFER).saturating_sub(age)
}
