//! The pure core: tables and properties.

use super::*;
use database::Patience;
use proptest::prelude::*;
use std::time::Duration;
use tokio::time::Instant;

type Said = Result<(), Refusal>;

fn rules(failures: u32) -> Rules {
    Rules { name: "main".into(), every: Duration::from_secs(60), failures, database: true }
}

fn refused(state: ServerState, code: Option<&str>) -> Said {
    let (code, detail, hint) = (code.map(str::to_owned), None, None);
    Err(Refusal { state, patience: Patience::Deadline, code, message: "no".into(), detail, hint })
}

fn begun(now: Instant) -> State {
    State::begin(Some(ServerState::Ready), now)
}

/// Feeds `results`, each when the one before asked for it; returns what was told and the names of what was said.
fn run(rules: &Rules, results: &[Said]) -> (Vec<Told>, Vec<&'static str>, State) {
    let mut now = Instant::now();
    let (mut state, mut told, mut said) = (begun(now), Vec::new(), Vec::new());
    for result in results {
        let (next, step) = step(state, rules, result, now);
        told.extend(step.tell);
        said.extend(step.say.iter().map(|event| event.name));
        (state, now) = (next, now + step.next);
    }
    (told, said, state)
}

/// S1.3: one failure is a warning, `failures` in a row are an outage, one pass ends it.
#[test]
fn so_many_failures_in_a_row_are_an_outage() {
    let (pass, fail) = (Ok(()), refused(ServerState::Down, None));
    let (blind, slow) = (refused(ServerState::Unknown, None), refused(ServerState::Recovering, None));
    let downs =
        |results: &[Said]| run(&rules(2), results).0.iter().filter(|told| matches!(told, Told::Down { .. })).count();
    let cases: [(&str, Vec<Said>, usize); 6] = [
        ("one failure", vec![fail.clone()], 0),
        ("two in a row", vec![fail.clone(), slow], 1),
        ("two with a pass between", vec![fail.clone(), pass.clone(), fail.clone()], 0),
        ("more while down", vec![fail.clone(); 9], 1),
        ("our own fault is not theirs", vec![blind.clone(); 9], 0),
        ("our own fault between does not reset", vec![fail.clone(), blind, fail.clone()], 1),
    ];
    for (what, results, expected) in cases {
        assert_eq!(downs(&results), expected, "{what}");
    }
    let (told, said, _) = run(&rules(2), &[fail.clone(), fail.clone(), fail, pass]);
    assert_eq!(said, ["health.check", "health.down", "health.check", "health.up"]);
    assert_eq!(told.len(), 4);
    assert!(matches!(told[1], Told::Up { .. }));
}

/// S3.7: while a database recovers, nothing is proposed but patience.
#[test]
fn nothing_is_restarted_because_a_database_recovers() {
    let results = vec![refused(ServerState::Recovering, Some("57P03")); 500];
    let (told, _, _) = run(&rules(2), &results);
    assert_eq!(told, [Told::Down { state: ServerState::Recovering, reason: "no (SQLSTATE 57P03)".into() }]);
}

/// S1.10: a missing table asks for a look at the schema, once per interval and not at every check.
#[test]
fn a_missing_table_asks_for_the_schema() {
    let gone = refused(ServerState::Ready, Some("42P01"));
    let (told, _, state) = run(&rules(2), &vec![gone; 26]);
    assert!(matches!(told[0], Told::Down { state: ServerState::Unknown, .. }));
    // 26 checks at most 5 s apart last between one and two minutes.
    assert_eq!(told[1..], [Told::Recover(Recovery::CheckSchema), Told::Recover(Recovery::CheckSchema)]);
    assert_ne!(state.server(), ServerState::Ready);
}

/// Something that holds no schema is not asked for one.
#[test]
fn only_databases_have_a_schema() {
    let fail = refused(ServerState::Down, None);
    let (told, _, _) = run(&Rules { database: false, ..rules(1) }, &[fail, Ok(())]);
    assert_eq!(told.last(), Some(&Told::Recover(Recovery::RestartUnhealthy)));
    assert!(!told.contains(&Told::Recover(Recovery::CheckSchema)));
}

/// Failing time and again without ever being down is said once, and once when it is over.
#[test]
fn unsteadiness_is_said_once() {
    let blips = vec![vec![refused(ServerState::Unreachable, None), Ok(())]; 20].concat();
    let (told, said, state) = run(&rules(2), &blips);
    assert!(told.is_empty() && state.unsteady());
    assert_eq!(said.iter().filter(|name| **name == "health.unsteady").count(), 1);
    let (_, said, state) = run(&rules(2), &[blips, vec![Ok(()); 10]].concat());
    assert!(!state.unsteady());
    assert_eq!(said.iter().filter(|name| **name == "health.steady").count(), 1);
}

/// When a server goes from one state to another, people hear of it and the pace begins anew.
#[test]
fn a_change_of_state_is_said_and_quickens_the_pace() {
    let now = Instant::now();
    let (mut state, rules) = (begun(now), rules(1));
    let mut last = Duration::ZERO;
    for _ in 0..9 {
        let (next, step) = step(state, &rules, &refused(ServerState::Denied, None), now);
        (state, last) = (next, step.next);
    }
    assert!(last > Duration::from_secs(4));
    let (_, step) = step(state, &rules, &refused(ServerState::Starting, None), now);
    assert!(step.next <= Duration::from_millis(250));
    assert_eq!(step.say[0].text, "main is starting, away for 0 ms: no");
}

fn any_said() -> impl Strategy<Value = Said> {
    prop_oneof![
        3 => Just(Ok(())),
        1 => Just(refused(ServerState::Down, None)),
        1 => Just(refused(ServerState::Starting, Some("57P03"))),
        1 => Just(refused(ServerState::Recovering, Some("57P03"))),
        1 => Just(refused(ServerState::Full, Some("53300"))),
        1 => Just(refused(ServerState::Ready, Some("42P01"))),
        1 => Just(refused(ServerState::Unknown, None)),
    ]
}

proptest! {
    /// Down and up alternate; a down follows `failures` failed checks in a row, an up the first pass; between an up and
    /// the next down lies the window of the module's documentation; the next check never comes later than `every`.
    #[test]
    fn hysteresis(
        failures in 1u32..6,
        every in 1u64..120,
        results in prop::collection::vec(any_said(), 1..300),
    ) {
        let rules = Rules { every: Duration::from_secs(every), ..rules(failures) };
        let mut now = Instant::now();
        let mut state = begun(now);
        now += state.first(&rules);
        let (mut down, mut row, mut up_at) = (false, 0, None);
        let window = rules.every + CONFIRM.min(rules.every) * (failures - 1);
        for said in &results {
            let (next, step) = step(state, &rules, said, now);
            row = match verdict(said) {
                Verdict::Pass => 0,
                Verdict::Fail => row + 1,
                _ => row,
            };
            let told_down = step.tell.iter().any(|told| matches!(told, Told::Down { .. }));
            let told_up = step.tell.iter().any(|told| matches!(told, Told::Up { .. }));
            prop_assert_eq!(told_down, !down && row >= failures);
            prop_assert_eq!(told_up, down && said.is_ok());
            if told_down && let Some(up_at) = up_at {
                prop_assert!(now - up_at >= window);
            }
            down = (down || told_down) && !told_up;
            prop_assert_eq!(next.server() != ServerState::Ready, down);
            prop_assert!(step.next > Duration::ZERO && step.next <= rules.every);
            up_at = if told_up { Some(now) } else { up_at };
            (state, now) = (next, now + step.next);
        }
    }
}
