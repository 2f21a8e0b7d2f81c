//! Somebody wishes that the other version takes over.

use super::Refused;
use control::{Reexec, Refusal, Takeover};
use report::Outcome;
use std::time::Duration;
use tokio::{sync::oneshot, time::Instant};

/// What has to end first is waited for so long when nothing else is said.
const USUAL: Duration = Duration::from_secs(60);
/// The longest time that can be wished.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Somebody wishes that the other version takes over.
pub(crate) struct Wish {
    /// Where the answer goes, while somebody waits for it.
    reply: Option<oneshot::Sender<Result<Reexec, Refusal>>>,
    /// Was somebody told already that it can?
    pub(super) answered: bool,
    begun: Instant,
    limit: Duration,
}

impl Wish {
    /// That of somebody who waits for the answer.
    pub(crate) fn of(reply: oneshot::Sender<Result<Reexec, Refusal>>, asked: Takeover) -> Self {
        let limit = asked.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        Self { reply: Some(reply), limit: limit.unwrap_or(USUAL).min(LONGEST), ..Self::of_nobody() }
    }

    /// That of somebody who waits for none, as who sends a signal.
    pub(crate) fn of_nobody() -> Self {
        Self { reply: None, answered: false, begun: Instant::now(), limit: USUAL }
    }

    /// Whoever had it has left before it was answered.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    /// May what stands in its way end yet?
    pub(super) fn waits_for(&self, refused: &Refused) -> bool {
        refused.outcome == Outcome::NotYet && self.begun.elapsed() < self.limit
    }

    /// With how long it was waited.
    pub(super) fn in_vain(&self, refused: Refused) -> Refused {
        let Refused { outcome, finding } = refused;
        match outcome {
            Outcome::NotYet => {
                let waited = format!("it was waited for {}", report::seconds(self.limit));
                Refused { outcome, finding: finding.seen(waited) }
            }
            _ => Refused { outcome, finding },
        }
    }

    /// Answers whoever waits for it; says whether anybody does.
    pub(super) fn answer(&mut self, answer: Result<Reexec, Refusal>) -> bool {
        self.answered = true;
        self.reply.take().is_some_and(|reply| reply.send(answer).is_ok())
    }
}
