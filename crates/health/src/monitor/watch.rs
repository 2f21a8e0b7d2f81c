//! Asks, decides, tells: the thin shell around [`step`].

use super::{Rules, State, Told, step};
use crate::Board;
use config::Dependency;
use database::{Patience, Refusal, ServerState};
use host::Pending;
use report::{Journal, seconds};
use std::time::Duration;
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    time::{Instant, sleep, timeout},
};

/// Asks a dependency whether it does what is asked of it.
pub trait Asker: Send + Sync {
    /// Asks once, over a new connection, and gives up in time.
    fn ask<'a>(&'a self, dependency: &'a Dependency) -> Pending<'a, Result<Answer, Refusal>>;

    /// Ends when something hints that the next answer may be another one: a process is gone, a file has changed. Called
    /// anew before each wait. By default there are no hints.
    fn changed<'a>(&'a self, _dependency: &'a Dependency) -> Pending<'a, ()> {
        Box::pin(std::future::pending())
    }
}

/// What a dependency that is ready says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Lengths of its queues by name.
    pub queues: Vec<(String, u64)>,
}

/// Something the others must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The dependency's name.
    pub dependency: String,
    /// What happened to it.
    pub told: Told,
}

/// However many hints arrive, questions are at least this far apart.
const BREATH: Duration = Duration::from_millis(50);

/// Watches `dependency` until nobody listens to `tell` any longer. Starts from what the board says of it, so that one
/// that was missing at the start is asked at once.
pub async fn watch(
    dependency: &Dependency,
    asker: &dyn Asker,
    board: &Board,
    journal: &dyn Journal,
    tell: UnboundedSender<News>,
) {
    let rules = Rules::of(dependency);
    let look = board.look_of(&dependency.name);
    let mut state = State::begin(board.state(&dependency.name), Instant::now());
    let mut next = state.first(&rules);
    while rest(next, &look, asker.changed(dependency), &tell).await {
        let begun = Instant::now();
        let said = ask(asker, dependency).await;
        let took = begun.elapsed();
        let (after, step) = step(state, &rules, &said, Instant::now());
        board.record(&dependency.name, &said, took, after.server(), after.unsteady());
        // How long the answer took is told of every check, whatever follows from it.
        step.say.into_iter().for_each(|event| journal.note(event.with("took", took)));
        for told in step.tell {
            // Nobody listening ends the loop.
            let _ = tell.send(News { dependency: dependency.name.clone(), told });
        }
        (state, next) = (after, step.next);
    }
}

/// Waits for the next check, less when somebody asks for it or something hints at a change. False when nobody listens.
async fn rest(wait: Duration, look: &Notify, changed: Pending<'_, ()>, tell: &UnboundedSender<News>) -> bool {
    let breath = BREATH.min(wait);
    sleep(breath).await;
    tokio::select! {
        () = sleep(wait - breath) => {}
        () = look.notified() => {}
        () = changed => {}
        () = tell.closed() => {}
    }
    !tell.is_closed()
}

/// An asker that hangs is an answer too.
async fn ask(asker: &dyn Asker, dependency: &Dependency) -> Result<Answer, Refusal> {
    let limit = dependency.wait.attempt_timeout.saturating_add(Duration::from_secs(1));
    timeout(limit, asker.ask(dependency)).await.unwrap_or_else(|_| {
        Err(Refusal {
            state: ServerState::Unreachable,
            patience: Patience::Deadline,
            code: None,
            message: format!("no answer within {}", seconds(limit)),
            detail: None,
            hint: None,
        })
    })
}
