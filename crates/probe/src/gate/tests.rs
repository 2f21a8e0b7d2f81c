//! The gate as a table, and what holds for every course of events.

use super::*;
use crate::{Phase, Progress, Ready, ready::Temporary};
use database::{Patience, Refusal, ServerState, postgres::local::Lsn};
use proptest::prelude::*;
use retry::{Backoff, Policy};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn rules() -> Rules {
    let policy = Policy { backoff: Backoff::fixed(s(3)), attempts: None, limit: Some(s(60)) };
    Rules { policy, attempt_timeout: s(10), extend: true, quiet: Quiet::Never }
}

fn refusal(state: ServerState, patience: Patience, code: Option<&str>) -> Refusal {
    let code = code.map(str::to_owned);
    Refusal { state, patience, code, message: state.word().into(), detail: None, hint: None }
}

fn starting() -> Refusal {
    refusal(ServerState::Recovering, Patience::Deadline, Some("57P03"))
}

fn down() -> Refusal {
    refusal(ServerState::Down, Patience::Deadline, None)
}

fn at(position: u64) -> Input {
    Input::Progress(Some(Progress {
        phase: Phase::Replaying,
        position: Some(Lsn(position)),
        log: None,
        rate: None,
        left: None,
    }))
}

/// How a run ended, with the time and kind of everything before.
struct Run {
    tries: Vec<Duration>,
    said: Vec<Waiting>,
    end: Option<Effect>,
    now: Duration,
}

/// Plays a gate against `server`, which answers at once; `signs` come at their times.
fn play(
    rules: Rules,
    limit: Duration,
    signs: &[(Duration, Input)],
    server: impl Fn(Duration) -> Result<Ready, Refusal>,
) -> Run {
    let mut run = Run { tries: vec![], said: vec![], end: None, now: Duration::ZERO };
    let mut signs = signs.iter().peekable();
    let (mut gate, mut effects) = step(Gate::new(rules, 7), Input::Tick, Duration::ZERO);
    while run.end.is_none() && run.now <= limit {
        let mut input = None;
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Say(waiting) => run.said.push(*waiting),
                Effect::Try(_) => {
                    run.tries.push(run.now);
                    input = Some(Input::Answer(Box::new(server(run.now))));
                }
                Effect::Wait(until) => {
                    assert!(until >= run.now, "told to wait until {until:?} at {:?}", run.now);
                    input = Some(match signs.next_if(|(time, _)| *time <= until) {
                        Some((time, sign)) => {
                            run.now = run.now.max(*time);
                            sign.clone()
                        }
                        None => {
                            run.now = until;
                            Input::Tick
                        }
                    });
                }
                end => run.end = Some(end),
            }
        }
        let Some(input) = input else { break };
        (gate, effects) = step(gate, input, run.now);
    }
    run
}

impl Run {
    fn opened(&self) -> &Opened {
        let Some(Effect::Open(opened)) = &self.end else { panic!("{:?}", self.end) };
        opened
    }

    fn gave_up(&self) -> &GaveUp {
        let Some(Effect::GiveUp(gave_up)) = &self.end else { panic!("{:?}", self.end) };
        gave_up
    }
}

fn ready_from(time: Duration, before: Refusal) -> impl Fn(Duration) -> Result<Ready, Refusal> {
    move |now| if now >= time { Ok(Ready::new("PostgreSQL 15")) } else { Err(before.clone()) }
}

/// S0.3, S0.4: 20 attempts, 3 seconds apart, a line for each that is followed by another.
#[test]
fn attempts_are_counted_and_told() {
    let mut rules = rules();
    rules.policy = Policy { attempts: Some(20), limit: None, ..rules.policy };
    let run = play(rules, s(100), &[], |_| Err(starting()));
    let gave_up = run.gave_up();
    assert_eq!((gave_up.reason, gave_up.attempts, gave_up.elapsed), (Reason::TimedOut, 20, s(57)));
    assert_eq!((run.said.len(), run.said[2].attempt, run.said[2].attempts), (20, 3, Some(20)));
    assert_eq!((run.said[2].elapsed, run.said[2].next), (s(6), Some(s(3))));
}

/// S0.1: what is not ready yet is waited for, and the gate opens at the first attempt that finds it ready.
#[test]
fn it_opens_when_ready_and_not_before() {
    let run = play(rules(), s(100), &[], ready_from(s(10), starting()));
    assert_eq!((run.opened().took, run.opened().attempts), (s(12), 5));
}

/// The last attempt comes a moment before the time limit, however long the wait was to be.
#[test]
fn the_time_limit_holds_and_is_used_up() {
    let mut rules = rules();
    rules.policy.backoff = Backoff::doubling(s(2), s(64));
    let run = play(rules, s(100), &[], |_| Err(starting()));
    assert_eq!(run.tries, [s(0), s(2), s(6), s(14), s(30), s(59)]);
    assert_eq!((run.gave_up().reason, run.now), (Reason::TimedOut, s(60)));
    assert_eq!(run.said.last().unwrap().next, None);
}

#[test]
fn no_time_at_all_is_one_attempt() {
    let mut rules = rules();
    rules.policy.limit = Some(Duration::ZERO);
    assert_eq!(play(rules, s(9), &[], |_| Err(down())).gave_up().attempts, 1);
    assert_eq!(play(rules, s(9), &[], ready_from(s(0), down())).opened().attempts, 1);
}

/// What waiting cannot mend ends it: at once, after two tries, or after a grace.
#[test]
fn patience_has_its_kinds() {
    let end = |patience| {
        let run = play(rules(), s(100), &[], |_| Err(refusal(ServerState::Denied, patience, Some("3D000"))));
        (run.gave_up().reason, run.gave_up().attempts, run.now)
    };
    assert_eq!(end(Patience::None), (Reason::Hopeless, 1, s(0)));
    assert_eq!(end(Patience::Tries(2)), (Reason::Hopeless, 2, s(3)));
    assert_eq!(end(Patience::Grace(s(15))), (Reason::Hopeless, 6, s(15)));
    assert_eq!(end(Patience::Grace(s(16))), (Reason::Hopeless, 7, s(16)), "its end is not slept over");
    assert_eq!(end(Patience::Deadline).0, Reason::TimedOut);
}

/// A grace begins anew when something else came between.
#[test]
fn patience_is_for_refusals_in_a_row() {
    let denied = || refusal(ServerState::Denied, Patience::Tries(2), Some("28P01"));
    let run = play(rules(), s(100), &[], |now| match now.as_secs() {
        0 | 6 => Err(denied()),
        3 => Err(starting()),
        _ => Ok(Ready::new("x")),
    });
    assert_eq!(run.opened().took, s(9));
}

/// The time limit moves on while recovery moves, and no longer.
#[test]
fn recovery_that_moves_is_waited_for() {
    let moving: Vec<_> = (0..=100).map(|n| (s(n), at(n))).collect();
    let run = play(rules(), s(500), &moving, |_| Err(starting()));
    assert_eq!((run.gave_up().reason, run.now), (Reason::TimedOut, s(130)));
    let standing: Vec<_> = (0..=100).map(|n| (s(n), at(7))).collect();
    assert_eq!(play(rules(), s(500), &standing, |_| Err(starting())).now, s(60));
    let fixed = Rules { extend: false, ..rules() };
    assert_eq!(play(fixed, s(500), &moving, |_| Err(starting())).now, s(60));
}

/// Attempts are no limit either while recovery moves.
#[test]
fn recovery_that_moves_outlasts_the_attempts() {
    let mut rules = rules();
    rules.policy = Policy { attempts: Some(3), limit: None, ..rules.policy };
    let moving: Vec<_> = (0..=20).map(|n| (s(n), at(n))).collect();
    let run = play(rules, s(500), &moving, ready_from(s(20), starting()));
    assert!(run.opened().attempts > 3);
    assert_eq!(run.said[5].attempts, None);
}

/// A Redis that loads tells its percentage: that is progress too.
#[test]
fn loading_that_moves_is_waited_for() {
    let run = play(rules(), s(500), &[], |now| {
        Err(Refusal { detail: Some(format!("{} %", now.as_secs().min(90))), ..starting() })
    });
    assert_eq!(run.now, s(120));
}

/// A hint is followed at once, with a few looks in the next moments, none of them counted or told.
#[test]
fn a_hint_is_followed_at_once() {
    let rules = Rules { quiet: Quiet::Sparing, ..rules() };
    let signs = [(s(0), at(1)), (ms(4500), Input::Hint)];
    let run = play(rules, s(100), &signs, ready_from(ms(4506), starting()));
    assert_eq!(run.opened().took, ms(4508), "looks at 0, 1, 2, 4 and 8 ms after the hint");
    assert_eq!(run.said.len() as u32 + 1, run.opened().attempts);
}

/// A port that opens is asked at once, however often it seems to.
#[test]
fn while_nothing_listens_hints_are_free_but_not_endless() {
    let rules = Rules { quiet: Quiet::Sparing, ..rules() };
    let signs: Vec<_> = (1..2900).map(|n| (ms(n), Input::Hint)).collect();
    let run = play(rules, s(3), &signs, |_| Err(down()));
    assert!(run.tries.len() < 12, "{:?}", run.tries);
    let run = play(rules, s(9), &[(ms(700), Input::Hint)], ready_from(ms(700), down()));
    assert_eq!((run.opened().took, run.opened().attempts), (ms(700), 2));
}

/// What costs nothing to ask is asked between attempts.
#[test]
fn cheap_targets_are_looked_at_in_between() {
    let rules = Rules { quiet: Quiet::Every(ms(100)), ..rules() };
    let run = play(rules, s(100), &[], ready_from(ms(4050), down()));
    assert_eq!((run.opened().took, run.said.len()), (ms(4100), 2));
    let unreachable = refusal(ServerState::Unreachable, Patience::Deadline, None);
    assert_eq!(play(rules, s(100), &[], ready_from(ms(4050), unreachable)).opened().took, s(6));
}

/// News is told even between attempts.
#[test]
fn news_is_told_at_once() {
    let rules = Rules { quiet: Quiet::Every(ms(100)), ..rules() };
    let run = play(rules, s(100), &[], |now| match now {
        _ if now < ms(250) => Err(down()),
        _ if now < s(1) => Err(starting()),
        _ => Ok(Ready::new("x")),
    });
    let states: Vec<_> = run.said.iter().map(|it| (it.refusal.state.word(), it.elapsed, it.attempt)).collect();
    assert_eq!(states, [("down", s(0), 1), ("recovering", ms(300), 1)]);
}

/// Fewer lines in the server's log than one a second, from the sixth second on.
#[test]
fn a_recovering_server_is_not_pestered() {
    let mut rules = Rules { quiet: Quiet::Sparing, ..rules() };
    rules.policy.backoff = Backoff::doubling(ms(200), s(5));
    for (seen, first) in [(true, ms(2000)), (false, ms(200))] {
        let signs = if seen { vec![(s(0), at(1)), (ms(1), at(1))] } else { vec![] };
        let run = play(rules, s(59), &signs, |_| Err(starting()));
        assert!(run.tries[1] <= first, "{:?}", run.tries);
        for (index, time) in run.tries.iter().enumerate().skip(7) {
            assert!(index as f64 <= time.as_secs_f64(), "try {index} at {time:?}");
        }
    }
}

/// Never early: the server of a first-start script is gone a moment later.
#[test]
fn a_server_that_may_be_temporary_is_waited_out() {
    let rules = Rules { quiet: Quiet::Sparing, ..rules() };
    let server = |identity: &str, age| {
        let temporary = Some(Temporary { identity: identity.into(), age });
        Ok(Ready { temporary, ..Ready::new("PostgreSQL 15") })
    };
    assert_eq!(play(rules, s(60), &[], |_| server("a", Some(s(3600)))).opened().took, s(0), "an old one is real");
    let run = play(rules, s(60), &[], |_| server("a", None));
    assert_eq!(run.opened().took, s(10));
    assert!(run.said[0].refusal.to_string().contains("unix socket only"), "{:?}", run.said[0]);
    let run = play(rules, s(60), &[], |now| match now.as_secs() {
        0..4 => server("init script", Some(now)),
        4..6 => Err(down()),
        _ => Ok(Ready::new("PostgreSQL 15")),
    });
    assert_eq!(run.opened().took, s(6));
}

/// After a minute of the same, people are told what it may be.
#[test]
fn a_long_wait_earns_a_hint() {
    let mut rules = rules();
    rules.policy.limit = Some(s(300));
    let hint = |refusal: Refusal| {
        let run = play(rules, s(400), &[], |_| Err(refusal.clone()));
        assert_eq!(run.said[1].refusal.hint, None);
        run.gave_up().refusal.hint.clone().unwrap_or_default()
    };
    assert!(hint(refusal(ServerState::ReadOnly, Patience::Deadline, Some("25006"))).contains("primary"));
    let disabled = Refusal { detail: Some("Hot standby mode is disabled.".into()), ..starting() };
    assert!(hint(disabled).contains("hot_standby"));
    assert_eq!(hint(starting()), "");
}

/// What a server may do next, for the properties.
#[derive(Clone, Debug)]
enum Life {
    Refuse(ServerState, Patience),
    Ready,
}

fn life() -> impl Strategy<Value = Life> {
    use ServerState::*;
    let state = prop::sample::select(vec![Down, Unreachable, Starting, Recovering, ReadOnly, Full]);
    prop_oneof![9 => state.prop_map(|it| Life::Refuse(it, Patience::Deadline)), 1 => Just(Life::Ready)]
}

fn quiet() -> impl Strategy<Value = Quiet> {
    prop::sample::select(vec![Quiet::Never, Quiet::Sparing, Quiet::Every(ms(100))])
}

fn sign() -> impl Strategy<Value = Input> {
    prop_oneof![Just(Input::Hint), Just(Input::Tick), Just(Input::Progress(None)), (0u64..50).prop_map(at),]
}

proptest! {
    /// It opens only on an answer that says ready, keeps the time limit, and never waits longer than it may.
    #[test]
    fn for_every_course_of_events(
        lives in prop::collection::vec(life(), 1..40),
        signs in prop::collection::vec((0u64..90_000, sign()), 0..200),
        quiet in quiet(),
        interval in 50u64..10_000,
        limit in 0u64..60,
        extend: bool,
    ) {
        let policy = Policy { backoff: Backoff::doubling(ms(interval), s(10)), attempts: None, limit: Some(s(limit)) };
        let rules = Rules { policy, attempt_timeout: s(10), extend, quiet };
        let mut signs: Vec<_> = signs.into_iter().map(|(time, sign)| (ms(time), sign)).collect();
        signs.sort_by_key(|(time, _)| *time);
        let server = |now: Duration| match &lives[(now.as_secs() / 3) as usize % lives.len()] {
            Life::Refuse(state, patience) => Err(refusal(*state, *patience, None)),
            Life::Ready => Ok(Ready::new("x")),
        };
        let run = play(rules, s(10_000), &signs, server);
        match run.end.as_ref().expect("it ends") {
            Effect::Open(opened) => prop_assert!(server(opened.took).is_ok()),
            Effect::GiveUp(gave_up) => {
                prop_assert_eq!(gave_up.reason, Reason::TimedOut);
                prop_assert!(server(*run.tries.last().unwrap()).is_err());
                if extend { prop_assert!(run.now <= s(90) + s(limit) + PROGRESS_GRACE) } else { prop_assert!(run.now <= s(limit)) }
            }
            other => prop_assert!(false, "{other:?}"),
        }
        for pair in run.tries.windows(2) {
            prop_assert!(pair[1] - pair[0] <= s(11), "{:?}", pair);
        }
    }

    /// However often hints come, a recovering server gets no more than its lines.
    #[test]
    fn lines_in_the_log_are_bounded(
        hints in prop::collection::vec(0u64..120_000, 0..2_000), interval in 1u64..5_000, seen: bool,
    ) {
        let policy = Policy { backoff: Backoff::fixed(ms(interval)), attempts: None, limit: None };
        let rules = Rules { policy, attempt_timeout: s(10), extend: true, quiet: Quiet::Sparing };
        let mut signs: Vec<_> = hints.into_iter().map(|time| (ms(time), Input::Hint)).collect();
        if seen { signs.push((ms(0), at(1))) }
        signs.sort_by_key(|(time, _)| *time);
        let run = play(rules, s(120), &signs, |_| Err(starting()));
        let most = 3.0 + 8.0 * (2.0 + 120.0 * 0.05) + 120.0;
        prop_assert!((run.tries.len() as f64) <= most, "{}", run.tries.len());
    }
}
