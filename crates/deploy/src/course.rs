//! The course of a release: which step follows, what is undone when one fails, and how it all ends. It does nothing by
//! itself: it is told what has happened and answers with what is to be done.

mod step;
#[cfg(test)]
mod tests;
mod undo;
mod verdict;

pub use step::{Copies, Plan, Rules, Schema, Step};
pub use undo::Undo;
pub use verdict::{Failure, Remains, Verdict};

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The course begins.
    Begin,
    /// Something is known by now that decides what follows. May be told while a step is at work.
    Learned(Fact),
    /// The step at work has done what it was for.
    Done,
    /// There is nothing to be done: what is wanted is there already. Only before anything was made.
    Enough,
    /// It has not, for this cause.
    Failed(String),
    /// What was to be undone is, or why it is not.
    Undone(Result<(), String>),
    /// Somebody wants it to end.
    Interrupt,
}

/// What is found out on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// What the release itself asks for.
    Rules(Rules),
    /// Its services take the place of those before. Known at the end of `check` at the latest.
    InPlace,
    /// So many migrations would be applied.
    Pending(usize),
    /// Migrations were applied; is there SQL for all of them that takes them back?
    Applied {
        /// How many.
        count: usize,
        /// Can each be taken back?
        reversible: bool,
    },
    /// The new release answers from here on, or may.
    Switched,
    /// Migrations were taken back, as a rollback does.
    Reverted(usize),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This step.
    Do(Step),
    /// It is left out, for this reason.
    Skip(Step, &'static str),
    /// Break off what the step does; it answers with [`Input::Failed`].
    Cancel(Step),
    /// Take back what a step has done.
    Undo(Undo),
    /// Nothing more.
    Finish(Verdict),
}

/// Where a release has come to.
#[derive(Clone, Debug)]
pub struct Course {
    plan: Plan,
    facts: Facts,
    at: At,
}

/// What is known.
#[derive(Clone, Debug, Default)]
struct Facts {
    pending: Option<usize>,
    applied: Option<(usize, bool)>,
    reverted: usize,
    switched: bool,
}

#[derive(Clone, Debug)]
enum At {
    Start,
    Doing { index: usize, asked_to_end: bool },
    Undoing { failure: Failure, next: Vec<Undo>, now: Undo },
    Over,
}

impl Course {
    /// Nothing has been done yet.
    pub fn new(plan: Plan) -> Self {
        Self { plan, facts: Facts::default(), at: At::Start }
    }

    /// The step that is being done.
    pub fn doing(&self) -> Option<Step> {
        match self.at {
            At::Doing { index, .. } => Some(self.plan.steps()[index]),
            _ => None,
        }
    }

    /// Is there nothing more to do?
    pub fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// Takes in what has happened. What does not belong here, as the end of a step when none is at work, changes nothing.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        match (std::mem::replace(&mut self.at, At::Over), input) {
            (At::Start, Input::Begin) => self.go_on(0),
            (At::Start, Input::Interrupt) => vec![Effect::Finish(Verdict::failed(Failure::interrupted(Step::Lock)))],
            (At::Doing { index, asked_to_end }, input) => self.while_doing(index, asked_to_end, input),
            (At::Undoing { failure, next, now }, Input::Undone(result)) => self.undone(failure, next, now, result),
            (at, input) => {
                self.at = at;
                if let Input::Learned(fact) = input {
                    self.learn(fact);
                }
                Vec::new()
            }
        }
    }

    fn while_doing(&mut self, index: usize, asked_to_end: bool, input: Input) -> Vec<Effect> {
        let step = self.plan.steps()[index];
        match input {
            Input::Enough if self.plan.steps()[..index].iter().all(|step| step.makes_nothing()) => {
                vec![Effect::Finish(Verdict::AlreadyThere)]
            }
            // A release that answers already is not taken away because nobody looks on any more.
            Input::Done if asked_to_end && !step.is_last_word() => self.abort(Failure::interrupted(step)),
            Input::Done => self.go_on(index + 1),
            Input::Failed(_) if asked_to_end && step == Step::Watch => vec![Effect::Finish(Verdict::Unwatched)],
            Input::Failed(_) if asked_to_end && step.can_be_cancelled() => self.abort(Failure::interrupted(step)),
            Input::Failed(cause) => self.abort(Failure::new(step, cause)),
            Input::Interrupt => {
                self.at = At::Doing { index, asked_to_end: true };
                if step.can_be_cancelled() && !asked_to_end { vec![Effect::Cancel(step)] } else { Vec::new() }
            }
            Input::Learned(fact) => {
                self.learn(fact);
                self.at = At::Doing { index, asked_to_end };
                Vec::new()
            }
            Input::Begin | Input::Enough | Input::Undone(_) => {
                self.at = At::Doing { index, asked_to_end };
                Vec::new()
            }
        }
    }

    /// The next step that is not left out.
    fn go_on(&mut self, from: usize) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (index, step) in self.plan.steps().iter().enumerate().skip(from) {
            if let Some(reason) = self.plan.left_out(*step, self.facts.pending) {
                effects.push(Effect::Skip(*step, reason));
                continue;
            }
            self.at = At::Doing { index, asked_to_end: false };
            effects.push(Effect::Do(*step));
            return effects;
        }
        self.at = At::Over;
        effects.push(Effect::Finish(Verdict::Confirmed));
        effects
    }

    /// Takes back what was done, the step that failed first of all: it may have done half of it.
    fn abort(&mut self, mut failure: Failure) -> Vec<Effect> {
        let steps = self.plan.steps();
        let until = steps.iter().position(|step| *step == failure.step).unwrap_or_default();
        let mut next: Vec<_> = steps[..=until].iter().filter_map(|step| self.undo(*step, &mut failure)).collect();
        failure.switched = self.facts.switched;
        match next.pop() {
            Some(now) => {
                self.at = At::Undoing { failure, next, now };
                vec![Effect::Undo(now)]
            }
            None => self.finish(failure),
        }
    }

    /// How the work of a step is taken back. What cannot be is written into `failure`.
    fn undo(&self, step: Step, failure: &mut Failure) -> Option<Undo> {
        match step {
            Step::Fetch => Some(Undo::RemoveTree),
            Step::Stop => Some(Undo::StartAgain),
            Step::Restore => Some(Undo::RemoveNew),
            Step::Empty | Step::Exchange => Some(Undo::PutBack),
            // They were applied to a database that goes.
            Step::Migrate if self.plan.steps().contains(&Step::Empty) => None,
            Step::Migrate => match self.facts.applied? {
                (0, _) => None,
                (count, true) => Some(Undo::TakeBackMigrations { count }),
                (count, false) => {
                    failure.remains.push(Remains::Migrations { count });
                    None
                }
            },
            Step::Start => Some(Undo::StopCandidate),
            Step::Switch if self.facts.switched => Some(Undo::SwitchBack),
            Step::Revert if self.facts.reverted > 0 => Some(Undo::MigrateAgain { count: self.facts.reverted }),
            _ => None,
        }
    }

    fn undone(
        &mut self,
        mut failure: Failure,
        mut next: Vec<Undo>,
        now: Undo,
        result: Result<(), String>,
    ) -> Vec<Effect> {
        if let Err(cause) = result {
            failure.remains.push(Remains::NotUndone { what: now, cause });
            // The release that could not be taken away from the door needs its files and its schema.
            if now == Undo::SwitchBack {
                next.clear();
            }
            // Nobody may write into a database that is not the one of the release that ran.
            if now == Undo::PutBack {
                next.retain(|undo| *undo != Undo::StartAgain);
            }
        }
        match next.pop() {
            Some(now) => {
                self.at = At::Undoing { failure, next, now };
                vec![Effect::Undo(now)]
            }
            None => self.finish(failure),
        }
    }

    fn learn(&mut self, fact: Fact) {
        let facts = &mut self.facts;
        match fact {
            Fact::Rules(rules) => self.plan = self.plan.with(rules),
            Fact::InPlace => self.plan = self.plan.in_place(),
            Fact::Pending(count) => facts.pending = Some(count),
            Fact::Applied { count, reversible } => facts.applied = Some((count, reversible)),
            Fact::Switched => facts.switched = true,
            Fact::Reverted(count) => facts.reverted = count,
        }
    }

    fn finish(&mut self, failure: Failure) -> Vec<Effect> {
        self.at = At::Over;
        vec![Effect::Finish(Verdict::failed(failure))]
    }
}
