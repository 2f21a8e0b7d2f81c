//! Due times, and what becomes of one while another run is at work.

use super::JobLife;
use crate::schedule::{
    phase::{Effect, Ending, Now, Phase},
    run::{Planned, RunResult, Taken, Why},
    say,
};
use config::{Missed, Overlap};
use jiff::{SignedDuration, Timestamp};

/// A due time that is older than this was missed.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// A clock that goes back further was wrong before: due times are counted anew from there.
const FAR_BACK: SignedDuration = SignedDuration::from_hours(24);

impl JobLife {
    pub(super) fn look_at_the_calendar(&mut self, now: Now) {
        if self.seen.duration_since(now.wall) > FAR_BACK {
            self.note(say::clock_back(&self.job.name, self.seen));
            (self.seen, self.through) = (now.wall, now.wall);
        }
        let Some(Missed { latest, count }) = self.job.rhythm.missed(self.seen, now.wall) else { return };
        self.seen = latest;
        let late = now.wall.duration_since(latest) > LATE;
        let missed = if late { count } else { count - 1 };
        match (missed, self.job.catch_up) {
            (0, _) => {
                self.note(say::due(&self.job.name, latest));
                self.due(Planned::new(latest, Why::Due), now);
            }
            (missed, true) => {
                self.note(say::caught_up(&self.job, latest, missed));
                self.due(Planned::new(latest, Why::CaughtUp), now);
            }
            (missed, false) => {
                self.note(say::missed(&self.job.name, missed));
                match late {
                    true => self.account(latest),
                    false => self.due(Planned::new(latest, Why::Due), now),
                }
            }
        }
    }

    pub(super) fn account(&mut self, due: Timestamp) {
        self.through = self.through.max(due);
        self.effects.push(Effect::Save);
    }

    pub(super) fn due(&mut self, new: Planned, now: Now) {
        if self.stopping {
            return;
        }
        match &mut self.phase {
            Phase::Idle => {
                self.taken(&new, Taken::Begins);
                self.consider(new, None);
            }
            Phase::Asking { plan, .. } | Phase::Gated { plan, .. } | Phase::Locking { plan, .. } => {
                let taken = new.why == Why::Asked;
                plan.join(new);
                if taken {
                    self.effects.push(Effect::Taken(Taken::Joins));
                }
                self.note(say::waits_already(&self.job.name));
            }
            Phase::Running(_) | Phase::Stopping { .. } | Phase::Retrying { .. } => self.overlap(new, now),
        }
    }

    fn overlap(&mut self, new: Planned, now: Now) {
        match (self.job.overlap, &self.phase) {
            (Overlap::Skip, _) => {
                self.taken(&new, Taken::Skipped);
                if new.why != Why::Asked {
                    self.through = self.through.max(new.due);
                }
                self.note(say::skipped(&self.job.name, "the run before is still at work"));
            }
            (Overlap::Queue, _) | (Overlap::Replace, Phase::Stopping { .. }) => self.queue(new, Taken::Queued),
            (Overlap::Replace, Phase::Running(run)) => {
                let run = run.clone();
                self.queue(new, Taken::Replaces);
                self.ask_to_leave(run, Ending::Replaced, now);
            }
            (Overlap::Replace, _) => {
                self.queue(new, Taken::Replaces);
                if let Phase::Retrying { plan, .. } = &self.phase {
                    let plan = Planned { attempt: plan.attempt - 1, ..plan.clone() };
                    self.finish(&plan, RunResult::Replaced, None, None, now);
                }
            }
        }
    }

    /// One at most waits.
    fn queue(&mut self, new: Planned, how: Taken) {
        self.taken(&new, how);
        match &mut self.queued {
            Some(queued) => queued.join(new),
            none => *none = Some(new),
        }
    }

    /// Whoever asked for a run is told what becomes of that.
    fn taken(&mut self, new: &Planned, how: Taken) {
        if new.why == Why::Asked {
            self.effects.push(Effect::Taken(how));
        }
    }
}
