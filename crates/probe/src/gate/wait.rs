//! The shell round the gate: asks, sleeps, tells, and listens for hints, as [`step`] wants it.

use super::{Effect, Gate, GateError, GaveUp, Input, Opened, Reason, Rules, line, step};
use crate::{Context, Ready, notice::Notice};
use config::Dependency;
use database::{Refusal, ServerState};
use report::Journal;
use std::{future::Future, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Waits until `dependency` is ready, told to `journal` try by try.
///
/// May be dropped at any time, which closes what it opened.
///
/// # Errors
/// When time or attempts are used up (exit 75) or waiting cannot mend it (exit 2); the last refusal is inside.
pub async fn wait(dependency: &Dependency, ctx: &Context, journal: &dyn Journal) -> Result<Opened, GateError> {
    let mut senses = Real { dependency, ctx, notice: Notice::new(&dependency.target) };
    drive(&mut senses, dependency, journal).await
}

/// Waits until all are ready, all at once. The first hopeless one ends it.
///
/// # Errors
/// Everything that is known not to be ready by then.
pub async fn wait_all(
    dependencies: &[&Dependency],
    ctx: &Context,
    journal: &dyn Journal,
) -> Result<Vec<Opened>, Vec<GateError>> {
    let mut gates: Vec<_> = dependencies.iter().map(|it| Box::pin(wait(it, ctx, journal))).collect();
    let mut ends: Vec<Option<Result<Opened, GateError>>> = gates.iter().map(|_| None).collect();
    std::future::poll_fn(|poll| {
        for (gate, end) in gates.iter_mut().zip(&mut ends) {
            if end.is_none()
                && let std::task::Poll::Ready(answer) = gate.as_mut().poll(poll)
            {
                *end = Some(answer);
            }
        }
        let hopeless =
            |end: &Option<Result<_, GateError>>| matches!(end, Some(Err(error)) if error.reason == Reason::Hopeless);
        match ends.iter().any(hopeless) || ends.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    sorted(ends)
}

fn sorted(ends: Vec<Option<Result<Opened, GateError>>>) -> Result<Vec<Opened>, Vec<GateError>> {
    let all = ends.len();
    let (mut opened, mut errors) = (Vec::new(), Vec::new());
    for end in ends.into_iter().flatten() {
        match end {
            Ok(open) => opened.push(open),
            Err(error) => errors.push(error),
        }
    }
    if opened.len() == all { Ok(opened) } else { Err(errors) }
}

/// What the gate's shell perceives; tests script it.
pub(crate) trait Senses {
    /// Asks once.
    fn ask(&mut self, timeout: Duration) -> impl Future<Output = Result<Ready, Refusal>>;
    /// Looks at the recovery of a local server, without waiting.
    fn look(&mut self, state: ServerState) -> impl Future<Output = Input>;
    /// Resolves when something is noticed. May be dropped and called again.
    fn notice(&mut self, state: Option<ServerState>) -> impl Future<Output = Input>;
}

struct Real<'a> {
    dependency: &'a Dependency,
    ctx: &'a Context,
    notice: Notice,
}

impl Senses for Real<'_> {
    async fn ask(&mut self, timeout: Duration) -> Result<Ready, Refusal> {
        crate::ask(&self.dependency.target, self.dependency.access, timeout, self.ctx).await
    }

    async fn look(&mut self, state: ServerState) -> Input {
        Input::Progress(self.notice.look(state).await)
    }

    async fn notice(&mut self, state: Option<ServerState>) -> Input {
        self.notice.next(state).await
    }
}

/// Carries out what the gate wants until it opens or gives up.
pub(crate) async fn drive(
    senses: &mut impl Senses,
    dependency: &Dependency,
    journal: &dyn Journal,
) -> Result<Opened, GateError> {
    let started = Instant::now();
    let mut gate = Gate::new(Rules::of(dependency), fastrand::u64(..));
    let mut input = Input::Tick;
    loop {
        let (next, effects) = step(gate, input, started.elapsed());
        gate = next;
        let mut wake = None;
        let mut ask = None;
        for effect in effects {
            match effect {
                Effect::Say(waiting) => journal.note(line::waiting(&dependency.name, &waiting)),
                Effect::Try(timeout) => ask = Some(timeout),
                Effect::Wait(until) => wake = Some(until),
                Effect::Open(opened) => return Ok(tell(&dependency.name, *opened, journal)),
                Effect::GiveUp(gave_up) => return Err(refuse(dependency, *gave_up)),
            }
        }
        input = match ask {
            Some(timeout) => {
                let answer = senses.ask(timeout).await;
                if let Err(refusal) = &answer {
                    let seen = senses.look(refusal.state).await;
                    gate = step(gate, seen, started.elapsed()).0;
                }
                Input::Answer(Box::new(answer))
            }
            None => rest(senses, gate.state(), wake.map(|until| started + until)).await,
        };
    }
}

/// Sleeps until it is time or something is noticed.
async fn rest(senses: &mut impl Senses, state: Option<ServerState>, until: Option<Instant>) -> Input {
    let sleep = async {
        match until {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = sleep => Input::Tick,
        input = senses.notice(state) => input,
    }
}

fn tell(name: &str, opened: Opened, journal: &dyn Journal) -> Opened {
    journal.note(line::open(name, &opened));
    if let Some(note) = &opened.ready.note {
        journal.note(line::note(name, note));
    }
    opened
}

fn refuse(dependency: &Dependency, gave_up: GaveUp) -> GateError {
    GateError::new(&dependency.name, dependency.target.to_string(), gave_up)
}

#[cfg(test)]
#[path = "wait_tests.rs"]
mod tests;
