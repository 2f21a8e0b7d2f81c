//! The shell with scripted senses and paused time.

use super::*;
use crate::{Phase, Progress};
use config::{Access, Monitor, Target, Wait};
use database::{Patience, postgres::local::Lsn};
use report::Recorder;
use retry::{Backoff, Policy};
use std::{collections::VecDeque, future::pending};
use tokio::time::sleep;

/// Answers in turn, each after its time; the last one for ever.
#[derive(Default)]
struct Script {
    answers: VecDeque<(Duration, Result<Ready, Refusal>)>,
    last: Option<Result<Ready, Refusal>>,
    progress: Option<Progress>,
    hint_after: Option<Duration>,
    asked: u32,
}

impl Senses for Script {
    async fn ask(&mut self, timeout: Duration) -> Result<Ready, Refusal> {
        self.asked += 1;
        if let Some((takes, answer)) = self.answers.pop_front() {
            sleep(takes.min(timeout)).await;
            self.last = Some(answer);
        }
        self.last.clone().expect("a script has an answer")
    }

    async fn look(&mut self, _: ServerState) -> Input {
        Input::Progress(self.progress.clone())
    }

    async fn notice(&mut self, _: Option<ServerState>) -> Input {
        match self.hint_after.take() {
            Some(after) => {
                sleep(after).await;
                Input::Hint
            }
            None => pending().await,
        }
    }
}

fn dependency(attempts: Option<u32>, limit: Option<u64>) -> Dependency {
    let backoff = Backoff::fixed(Duration::from_secs(2));
    let policy = Policy { backoff, attempts, limit: limit.map(Duration::from_secs) };
    Dependency {
        name: "main".into(),
        target: Target::parse("postgres://bot:hunter2@db:5432/bot").unwrap(),
        access: Access::ReadWrite,
        required: true,
        wait: Wait { policy, attempt_timeout: Duration::from_secs(10), extend: true },
        monitor: Monitor { every: Duration::from_secs(60), failures: 2 },
        queues: Vec::new(),
    }
}

fn recovering() -> Refusal {
    Refusal {
        state: ServerState::Recovering,
        patience: Patience::Deadline,
        code: Some("57P03".into()),
        message: "the database system is not yet accepting connections".into(),
        detail: Some("Consistent recovery state has not been yet reached.".into()),
        hint: None,
    }
}

fn refused(times: usize) -> VecDeque<(Duration, Result<Ready, Refusal>)> {
    std::iter::repeat_n((Duration::from_millis(100), Err(recovering())), times).collect()
}

/// S0.4: one plain line per attempt: which, why, with SQLSTATE and progress, how long already, when the next one is.
#[tokio::test(start_paused = true)]
async fn the_lines_of_a_wait() {
    let progress = Progress {
        phase: Phase::Replaying,
        position: Some(Lsn(0x3A00_0000)),
        log: None,
        rate: Some(48e6),
        left: Some((Duration::from_secs(12), Duration::from_secs(30))),
    };
    let mut script = Script { answers: refused(2), progress: Some(progress), ..Script::default() };
    script.answers.push_back((Duration::from_millis(100), Ok(Ready::new("PostgreSQL 15.18"))));
    let journal = Recorder::default();
    drive(&mut script, &dependency(Some(20), None), &journal).await.unwrap();
    assert_eq!(
        journal.texts(),
        [
            "waiting for main: recovering, attempt 1/20, the database system is not yet accepting connections: \
             Consistent recovery state has not been yet reached. (SQLSTATE 57P03), redo at 0/3A000000, 48 MB/s, \
             12-30 s left, 100 ms elapsed, next try in 2.0 s",
            "waiting for main: recovering, attempt 2/20, the database system is not yet accepting connections: \
             Consistent recovery state has not been yet reached. (SQLSTATE 57P03), redo at 0/3A000000, 48 MB/s, \
             12-30 s left, 2.2 s elapsed, next try in 2.0 s",
            "main is ready (PostgreSQL 15.18, 3 attempts, 4.3 s)",
        ]
    );
    let event = &journal.events()[1];
    for field in [
        "event=gate.waiting",
        "target=main",
        "attempt=2",
        "attempts=20",
        "state=recovering",
        "code=57P03",
        "next=2.000s",
    ] {
        assert!(event.contains(field), "{field} in {event}");
    }
}

/// The time limit is kept by the clock, though an attempt blocks, and the error says all and no password.
#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_by_the_clock() {
    let silent = Refusal { state: ServerState::Unreachable, code: None, ..recovering() };
    let slow = (Duration::from_secs(3600), Err(silent));
    let mut script = Script { answers: std::iter::repeat_n(slow, 20).collect(), ..Script::default() };
    let journal = Recorder::default();
    let error = drive(&mut script, &dependency(None, Some(60)), &journal).await.unwrap_err();
    assert!(error.elapsed >= Duration::from_secs(60) && error.elapsed <= Duration::from_millis(60_100), "{error:?}");
    assert_eq!((error.reason, error.outcome().code()), (Reason::TimedOut, 75));
    let finding = report::Finding::from(&error).to_string();
    assert!(finding.starts_with("error: `main` is not ready after 60 s and 6 attempts\n"), "{finding}");
    assert!(finding.contains("postgres://bot@db:5432/bot") && !finding.contains("hunter2"), "{finding}");
}

/// A hint is followed at once, not at the next attempt.
#[tokio::test(start_paused = true)]
async fn a_hint_wakes_it() {
    let progress = Some(Progress { phase: Phase::Beginning, position: None, log: None, rate: None, left: None });
    let hint_after = Some(Duration::from_millis(700));
    let mut script = Script { answers: refused(1), hint_after, progress, ..Script::default() };
    script.answers.push_back((Duration::ZERO, Ok(Ready::new("PostgreSQL 15.18"))));
    let opened = drive(&mut script, &dependency(None, None), &Recorder::default()).await.unwrap();
    assert_eq!((opened.took.as_millis(), opened.attempts, script.asked), (800, 2, 2));
}

/// Waits can be moved to other tasks.
#[test]
fn a_wait_may_move_between_threads() {
    fn movable<T: Send>(_: impl FnOnce(&'static Dependency, &'static Context) -> T) {}
    struct Deaf;
    impl Journal for Deaf {
        fn note(&self, _: report::Event) {}
    }
    movable(|dependency, ctx| wait(dependency, ctx, &Deaf));
}
