//! What is done, what is being done and how long that takes: a list that grows on a terminal, plain lines elsewhere.

use crate::{context::Context, terminal::Terminal};
use ::deploy::{
    Outcome, Phase,
    course::{Plan, Step, Undo},
};
use report::{Event, Journal, Level, Verdict, seconds};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The steps so far.
pub(super) struct Checklist<'a> {
    context: &'a Context,
    plan: Plan,
    phases: Vec<Phase>,
    now: Option<(Step, Instant)>,
    clock: Clock,
}

/// The line below all others: what is being done, for how long, and what was said of it last.
#[derive(Clone)]
pub(super) struct Clock {
    terminal: Arc<Terminal>,
    shown: Arc<Mutex<Option<Shown>>>,
}

struct Shown {
    step: Step,
    since: Instant,
    said: String,
}

impl Clock {
    fn show(&self, shown: Option<Shown>) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    /// With the time of now.
    pub(super) fn tick(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Shown { step, since, said }) = shown.as_ref() else { return };
        let took = seconds(since.elapsed());
        let line = format!("  {:<8}  {:<WIDTH$}  {took:>8}  {said}", "...", step.word());
        self.terminal.stand(Some(line));
    }

    /// Something that the step at work has to say, for whoever looks on.
    pub(super) fn say(&self, text: impl Into<String>) {
        if let Some(shown) = self.shown.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            shown.said = text.into();
        }
        self.tick();
    }
}

/// As wide as the longest name of a step.
const WIDTH: usize = 9;

impl<'a> Checklist<'a> {
    pub(super) fn new(context: &'a Context, plan: Plan) -> Self {
        let clock = Clock { terminal: context.terminal.clone(), shown: Arc::default() };
        Self { context, plan, phases: Vec::new(), now: None, clock }
    }

    /// The new services take the place of the old ones.
    pub(super) fn in_place(&mut self) {
        self.plan = self.plan.in_place();
    }

    /// For the record.
    pub(super) fn phases(&self) -> Vec<Phase> {
        self.phases.clone()
    }

    /// How long all steps took together, in milliseconds.
    pub(super) fn took_ms(&self) -> u64 {
        self.phases.iter().map(|phase| phase.took_ms).sum()
    }

    /// The line below all others.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub(super) fn begin(&mut self, step: Step) {
        let since = Instant::now();
        self.now = Some((step, since));
        let rest: Vec<_> = self.plan.steps().iter().skip_while(|it| **it != step).skip(1).map(|it| it.word()).collect();
        let said = if rest.is_empty() { String::new() } else { format!("then {}", rest.join(", ")) };
        self.clock.show(Some(Shown { step, since, said }));
        self.clock.tick();
    }

    pub(super) fn done(&mut self, text: &str) {
        self.done_after(None, text);
    }

    /// The same when it took another time than it was at work.
    pub(super) fn done_after(&mut self, took: Option<Duration>, text: &str) {
        self.end(Outcome::Done, Verdict::Pass, took, text);
    }

    pub(super) fn failed(&mut self, text: &str) {
        self.end(Outcome::Failed, Verdict::Fail, None, text);
    }

    pub(super) fn skipped(&mut self, step: Step, reason: &str) {
        self.now = Some((step, Instant::now()));
        self.end(Outcome::Skipped, Verdict::Skipped, None, reason);
    }

    fn end(&mut self, outcome: Outcome, verdict: Verdict, took: Option<Duration>, text: &str) {
        let Some((step, since)) = self.now.take() else { return };
        let took = took.unwrap_or_else(|| since.elapsed());
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.phases.push(Phase { step: step.word().to_owned(), took_ms, outcome });
        // For people the word says it.
        let bad = outcome == Outcome::Failed && !self.context.terminal.is_for_people();
        let level = if bad { Level::Error } else { Level::Info };
        let line = match self.context.terminal.is_for_people() {
            true => format!("  {verdict:<8}  {:<WIDTH$}  {:>8}  {text}", step.word(), seconds(took)),
            false => format!("{step}: {verdict} after {}: {text}", seconds(took)),
        };
        self.clock.show(None);
        self.context.terminal.stand(None);
        self.context.terminal.note(
            Event::new("deploy.step", line.trim_end())
                .level(level)
                .with("step", step.word())
                .with("verdict", verdict.to_string())
                .with("took", took)
                .with("seen", text),
        );
    }

    /// Something was taken back, or could not be.
    pub(super) fn undone(&mut self, undo: Undo, since: Instant, result: &Result<(), String>) {
        let took = since.elapsed();
        let (verdict, level, why) = match result {
            Ok(()) => (Verdict::Pass, Level::Info, String::new()),
            Err(cause) => (Verdict::Fail, Level::Error, format!(": {cause}")),
        };
        let level = if self.context.terminal.is_for_people() { Level::Info } else { level };
        let outcome = if result.is_ok() { Outcome::Undone } else { Outcome::Failed };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.phases.push(Phase { step: format!("undo: {undo}"), took_ms, outcome });
        let line = match self.context.terminal.is_for_people() {
            true => format!("  {verdict:<8}  {:<WIDTH$}  {:>8}  {undo}{why}", "undo", seconds(took)),
            false => format!("undo: {verdict} after {}: {undo}{why}", seconds(took)),
        };
        self.context.terminal.note(
            Event::new("deploy.undo", line)
                .level(level)
                .with("verdict", verdict.to_string())
                .with("took", took)
                .with("seen", format!("{undo}{why}")),
        );
    }
}
