//! The monitor's shell, with a scripted dependency and a paused clock.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod common;

use common::*;
use config::Dependency;
use database::{Refusal, ServerState};
use health::{Answer, Asker, Board, News, Recovery, Told, watch};
use host::Pending;
use report::Recorder;
use std::{future::Future, sync::Mutex, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, advance, sleep, timeout},
};

/// A dependency whose state the test sets.
struct Scripted {
    state: Mutex<Result<Answer, Refusal>>,
    asked: Mutex<Vec<Instant>>,
    hangs: bool,
    hint: Notify,
}

impl Scripted {
    fn ready() -> Self {
        let state = Mutex::new(Ok(Answer::default()));
        Self { state, asked: Mutex::default(), hangs: false, hint: Notify::new() }
    }

    fn becomes(&self, state: Result<Answer, Refusal>) {
        *self.state.lock().unwrap() = state;
    }

    fn asked(&self) -> Vec<Instant> {
        self.asked.lock().unwrap().clone()
    }
}

impl Asker for Scripted {
    fn ask<'a>(&'a self, _: &'a Dependency) -> Pending<'a, Result<Answer, Refusal>> {
        self.asked.lock().unwrap().push(Instant::now());
        let said = self.state.lock().unwrap().clone();
        Box::pin(async move { if self.hangs { std::future::pending().await } else { said } })
    }

    fn changed<'a>(&'a self, _: &'a Dependency) -> Pending<'a, ()> {
        Box::pin(self.hint.notified())
    }
}

/// Watches `main` while `test` runs.
async fn watched<F>(
    asker: &Scripted,
    board: &Board,
    journal: &Recorder,
    test: impl FnOnce(mpsc::UnboundedReceiver<News>) -> F,
) where
    F: Future<Output = ()>,
{
    let (tell, news) = mpsc::unbounded_channel();
    let main = database("main");
    tokio::select! {
        () = watch(&main, asker, board, journal, tell) => panic!("the watch ended"),
        done = timeout(Duration::from_secs(100_000), test(news)) => done.expect("in time"),
    }
}

fn up(board: Board) -> Board {
    passes(&board, "main");
    board.phase(health::Phase::Watch);
    board
}

async fn next(news: &mut mpsc::UnboundedReceiver<News>) -> Told {
    news.recv().await.expect("news").told
}

/// S1.3: down after two failures, back at the first pass, then the schema and whatever is unhealthy.
#[tokio::test(start_paused = true)]
async fn an_outage_from_end_to_end() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    watched(&asker, &board, &journal, async |mut news| {
        sleep(Duration::from_secs(61)).await;
        asker.becomes(Err(refusal(ServerState::Down, "connection refused")));
        let lost = Instant::now();
        let reason = "connection refused".to_owned();
        assert_eq!(next(&mut news).await, Told::Down { state: ServerState::Down, reason });
        assert!(lost.elapsed() <= Duration::from_secs(61), "noticed after {:?}", lost.elapsed());
        sleep(Duration::from_secs(600)).await;
        asker.becomes(Ok(Answer::default()));
        let back = Instant::now();
        assert!(matches!(next(&mut news).await, Told::Up { after } if after > Duration::from_secs(600)));
        assert!(back.elapsed() <= Duration::from_secs(1), "noticed after {:?}", back.elapsed());
        assert_eq!(next(&mut news).await, Told::Recover(Recovery::CheckSchema));
        assert_eq!(next(&mut news).await, Told::Recover(Recovery::RestartUnhealthy));
        assert!(board.judgement().ready);
    })
    .await;
    let told: Vec<_> = journal.names().into_iter().filter(|name| *name != "health.check").collect();
    assert_eq!((told.first(), told.last()), (Some(&"health.down"), Some(&"health.up")));
    assert!(told.len() <= 13, "a reminder a minute, no more: {told:?}");
}

/// The board shows a first failure as degraded and an outage as critical.
#[tokio::test(start_paused = true)]
async fn the_board_follows() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    watched(&asker, &board, &journal, async |mut news| {
        asker.becomes(Err(refusal(ServerState::Recovering, "starting up")));
        sleep(Duration::from_millis(60_500)).await;
        let first = board.judgement();
        assert_eq!((first.ready, first.reasons), (true, vec!["main failed its last check: starting up".to_owned()]));
        next(&mut news).await;
        let then = board.judgement();
        assert_eq!((then.ready, then.reasons), (false, vec!["main is recovering: starting up".to_owned()]));
    })
    .await;
}

/// S0.4's cost: a recovering server is asked less than once per second, so its log grows slower than with `pg_isready`.
#[tokio::test(start_paused = true)]
async fn a_recovering_server_is_asked_less_than_once_a_second() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    asker.becomes(Err(refusal(ServerState::Recovering, "starting up")));
    watched(&asker, &board, &journal, async |mut news| {
        next(&mut news).await;
        sleep(Duration::from_secs(600)).await;
    })
    .await;
    let asked = asker.asked().len();
    assert!((540..600).contains(&asked), "asked {asked} times in 600 s");
}

/// A service that ends has its database looked at now and not in a minute.
#[tokio::test(start_paused = true)]
async fn a_look_is_taken_at_once() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    watched(&asker, &board, &journal, async |mut news| {
        sleep(Duration::from_secs(5)).await;
        asker.becomes(Err(refusal(ServerState::Down, "connection refused")));
        let asked = Instant::now();
        board.look("main");
        assert!(matches!(next(&mut news).await, Told::Down { .. }));
        assert!(asked.elapsed() <= Duration::from_secs(1));
    })
    .await;
}

/// A hint that the server is back is followed at once; a storm of them is not.
#[tokio::test(start_paused = true)]
async fn hints_are_followed_but_not_a_storm_of_them() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    asker.becomes(Err(refusal(ServerState::Recovering, "starting up")));
    watched(&asker, &board, &journal, async |mut news| {
        next(&mut news).await;
        sleep(Duration::from_secs(100)).await;
        let before = asker.asked().len();
        for _ in 0..1000 {
            asker.hint.notify_one();
            advance(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
        }
        assert!(asker.asked().len() - before <= 22, "{}", asker.asked().len() - before);
        sleep(Duration::from_secs(5)).await;
        asker.becomes(Ok(Answer::default()));
        asker.hint.notify_one();
        let hinted = Instant::now();
        assert!(matches!(next(&mut news).await, Told::Up { .. }));
        assert!(hinted.elapsed() <= Duration::from_millis(60), "{:?}", hinted.elapsed());
    })
    .await;
}

/// An asker that hangs is an unreachable server.
#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_is_an_answer() {
    let (mut asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    asker.hangs = true;
    watched(&asker, &board, &journal, async |mut news| {
        let reason = "no answer within 4.0 s".to_owned();
        assert_eq!(next(&mut news).await, Told::Down { state: ServerState::Unreachable, reason });
    })
    .await;
}

/// One that was missing at the start is asked at once and told when it comes.
#[tokio::test(start_paused = true)]
async fn one_that_was_missing_at_the_start_is_noticed_when_it_comes() {
    let (asker, board, journal) = (Scripted::ready(), board(&[database("main")]), Recorder::default());
    watched(&asker, &board, &journal, async |mut news| {
        assert!(matches!(next(&mut news).await, Told::Up { .. }));
    })
    .await;
}

/// The watch ends with its listener.
#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_listens() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    let (tell, news) = mpsc::unbounded_channel();
    drop(news);
    let (main, begun) = (database("main"), Instant::now());
    timeout(Duration::from_secs(5), watch(&main, &asker, &board, &journal, tell)).await.expect("it ended");
    assert!(begun.elapsed() < Duration::from_secs(1) && asker.asked().is_empty());
}

/// S1.3: every result is recorded, and only so many are kept.
#[tokio::test(start_paused = true)]
async fn results_are_kept_within_bounds() {
    let (asker, board, journal) = (Scripted::ready(), up(board(&[database("main")])), Recorder::default());
    watched(&asker, &board, &journal, async |_news| sleep(Duration::from_secs(60 * 100 + 1)).await).await;
    let main = &board.snapshot().dependencies[0];
    assert_eq!((main.counts.pass, main.history.len()), (101, 60));
    assert_eq!(journal.names(), vec!["health.check"; 100]);
}
