#![cfg(test)]

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const BOUNDS: Bounds = Bounds { requests: 3, time: Duration::from_secs(10) };
const DRAIN: Duration = Duration::from_secs(5);

fn started() -> (Traffic<u32>, Generation, Instant) {
    let mut traffic = Traffic::new(BOUNDS);
    let (first, now) = (traffic.propose(), Instant::now());
    assert_eq!(traffic.promote(first, now, DRAIN), Ok(vec![]));
    (traffic, first, now)
}

fn go(arrival: Arrival) -> (Ticket, Generation) {
    match arrival {
        Arrival::Go(ticket, generation) => (ticket, generation),
        other => panic!("{other:?}"),
    }
}

fn wait(arrival: Arrival) -> Ticket {
    match arrival {
        Arrival::Wait(ticket, _) => ticket,
        other => panic!("{other:?}"),
    }
}

/// S1.7: the old copy finishes what it has, and is gone with its last request.
#[test]
fn a_switch_sends_what_comes_to_the_new_copy_and_lets_the_old_one_finish() {
    let (mut traffic, first, now) = started();
    let (ticket, to) = go(traffic.arrive(1, now));
    assert_eq!(to, first);
    let second = traffic.propose();
    assert_eq!(go(traffic.arrive(2, now)).1, first, "who is being proven is sent nothing");
    assert_eq!(traffic.promote(second, now, DRAIN), Ok(vec![]));
    assert_eq!(traffic.stage(first), Some(Stage::Draining(now + DRAIN)));
    let (late, to) = go(traffic.arrive(3, now));
    assert_eq!(to, second);
    assert_eq!(traffic.depart(late), None);
    assert_eq!(traffic.depart(ticket), None);
    assert_eq!(traffic.depart(Ticket(1)), Some(Effect::Gone(first)));
    assert_eq!(traffic.stage(first), None);
    assert!(traffic.is_quiet());
}

/// S1.7: draining has an end.
#[test]
fn what_drains_too_long_is_cut() {
    let (mut traffic, first, now) = started();
    let (ticket, _) = go(traffic.arrive(1, now));
    let second = traffic.propose();
    traffic.promote(second, now, DRAIN).unwrap();
    assert_eq!(traffic.due(now + DRAIN - Duration::from_nanos(1)), []);
    assert_eq!(traffic.due(now + DRAIN), [Effect::Cut(first)]);
    assert_eq!(traffic.depart(ticket), Some(Effect::Gone(first)));
    assert_eq!(traffic.due(now + DRAIN * 2), []);
}

/// S1.7: requests wait within bounds, and go in the order they came.
#[test]
fn requests_wait_within_bounds_while_nobody_is_live() {
    let (mut traffic, now) = (Traffic::new(BOUNDS), Instant::now());
    let tickets: Vec<_> = (0..3).map(|number| wait(traffic.arrive(number, now))).collect();
    assert_eq!(traffic.arrive(3, now), Arrival::Full);
    let first = traffic.propose();
    assert_eq!(traffic.depart(tickets[1]), None, "somebody had no patience");
    let effects = traffic.promote(first, now, DRAIN).unwrap();
    assert_eq!(effects, [Effect::Go(tickets[0], first), Effect::Go(tickets[2], first)]);
    assert_eq!(traffic.flights(first).count(), 2);
}

#[test]
fn hold_keeps_requests_and_resume_lets_them_go() {
    let (mut traffic, first, now) = started();
    traffic.hold();
    let ticket = wait(traffic.arrive(1, now));
    let second = traffic.propose();
    assert_eq!(traffic.promote(second, now, DRAIN), Ok(vec![Effect::Gone(first)]), "a switch does not end the hold");
    assert_eq!(traffic.resume(), [Effect::Go(ticket, second)]);
    assert_eq!(go(traffic.arrive(2, now)).1, second);
}

/// S1.7: a copy that restarts costs nobody a request.
#[test]
fn who_cannot_be_reached_is_doubted_and_its_requests_wait_again() {
    let (mut traffic, first, now) = started();
    let (ticket, _) = go(traffic.arrive(1, now));
    let later = now + Duration::from_secs(4);
    let (arrival, effect) = traffic.turn_back(ticket, later);
    assert_eq!((arrival, effect), (Some(Arrival::Wait(ticket, now + BOUNDS.time)), None), "time goes on counting");
    assert_eq!(traffic.stage(first), Some(Stage::Proving));
    assert_eq!(traffic.promote(first, later, DRAIN), Ok(vec![Effect::Go(ticket, first)]));
    assert_eq!(traffic.turn_back(ticket, now + BOUNDS.time).0, Some(Arrival::Full), "not for ever");
}

#[test]
fn a_request_that_is_turned_back_by_an_old_copy_goes_to_the_new_one() {
    let (mut traffic, first, now) = started();
    let (ticket, _) = go(traffic.arrive(1, now));
    let second = traffic.propose();
    traffic.promote(second, now, DRAIN).unwrap();
    let turned = traffic.turn_back(ticket, now);
    assert_eq!(turned, (Some(Arrival::Go(ticket, second)), Some(Effect::Gone(first))));
}

#[test]
fn who_was_rejected_or_drains_cannot_become_live() {
    let (mut traffic, first, now) = started();
    let second = traffic.propose();
    assert_eq!(traffic.reject(second), Some(Effect::Gone(second)));
    assert_eq!(traffic.promote(second, now, DRAIN), Err(NoCandidate));
    assert_eq!(traffic.reject(first), None, "the live one is not rejected");
    go(traffic.arrive(1, now));
    let third = traffic.propose();
    traffic.promote(third, now, DRAIN).unwrap();
    assert_eq!(traffic.promote(first, now, DRAIN), Err(NoCandidate));
}

/// Two switches at once: the older candidate that is promoted last does not drain the newer one's.
#[test]
fn a_newer_candidate_survives_an_older_ones_promotion() {
    let (mut traffic, _, now) = started();
    let (second, third) = (traffic.propose(), traffic.propose());
    traffic.promote(second, now, DRAIN).unwrap();
    assert_eq!(traffic.stage(third), Some(Stage::Proving));
    assert_eq!(traffic.promote(third, now, DRAIN), Ok(vec![Effect::Gone(second)]));
}

#[derive(Clone, Debug)]
enum Act {
    Arrive,
    Depart(usize),
    TurnBack(usize),
    Propose,
    Promote(usize),
    Reject(usize),
    Doubt(usize),
    Hold,
    Resume,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => Just(Act::Arrive),
        4 => (0..64_usize).prop_map(Act::Depart),
        1 => (0..64_usize).prop_map(Act::TurnBack),
        2 => Just(Act::Propose),
        2 => (0..8_usize).prop_map(Act::Promote),
        1 => (0..8_usize).prop_map(Act::Reject),
        1 => (0..8_usize).prop_map(Act::Doubt),
        1 => Just(Act::Hold),
        1 => Just(Act::Resume),
        2 => (0..4000_u64).prop_map(Act::Pass),
    ]
}

/// Everything that a test knows about the requests, beside the machine.
struct Watch {
    traffic: Traffic<u64>,
    now: Instant,
    waiting: BTreeSet<Ticket>,
    flying: BTreeMap<Ticket, Generation>,
    generations: Vec<Generation>,
}

impl Watch {
    fn heard(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            match effect {
                Effect::Go(ticket, to) => {
                    assert!(self.waiting.remove(&ticket), "{ticket:?} did not wait");
                    self.sent(ticket, to);
                }
                Effect::Gone(generation) => {
                    assert!(self.flying.values().all(|to| *to != generation), "gone with requests");
                    assert_eq!(self.traffic.stage(generation), None);
                }
                Effect::Cut(generation) => {
                    assert!(
                        matches!(self.traffic.stage(generation), Some(Stage::Draining(until)) if until <= self.now)
                    );
                }
            }
        }
    }

    fn sent(&mut self, ticket: Ticket, to: Generation) {
        assert_eq!(self.traffic.live(), Some(to), "sent to one that is not live");
        assert_eq!(self.flying.insert(ticket, to), None, "sent twice");
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Go(ticket, to) => self.sent(ticket, to),
            Arrival::Wait(ticket, until) => {
                assert!(until > self.now || BOUNDS.time.is_zero());
                assert!(self.waiting.insert(ticket));
            }
            Arrival::Full => {}
        }
    }

    fn any(&self, at: usize) -> Option<Ticket> {
        let all: Vec<_> = self.waiting.iter().chain(self.flying.keys()).copied().collect();
        (!all.is_empty()).then(|| all[at % all.len()])
    }

    fn generation(&self, at: usize) -> Option<Generation> {
        (!self.generations.is_empty()).then(|| self.generations[at % self.generations.len()])
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Arrive => {
                let arrival = self.traffic.arrive(0, self.now);
                self.arrived(arrival);
            }
            Act::Depart(at) => {
                let Some(ticket) = self.any(at) else { return };
                self.waiting.remove(&ticket);
                self.flying.remove(&ticket);
                let effect = self.traffic.depart(ticket);
                self.heard(effect);
            }
            Act::TurnBack(at) => {
                let Some(ticket) = self.any(at).filter(|ticket| self.flying.contains_key(ticket)) else { return };
                self.flying.remove(&ticket);
                let (arrival, effect) = self.traffic.turn_back(ticket, self.now);
                self.arrived(arrival.expect("it was on its way"));
                self.heard(effect);
            }
            Act::Propose => self.generations.push(self.traffic.propose()),
            Act::Promote(at) => {
                let Some(generation) = self.generation(at) else { return };
                if let Ok(effects) = self.traffic.promote(generation, self.now, DRAIN) {
                    self.heard(effects);
                }
            }
            Act::Reject(at) => {
                let effect = self.generation(at).and_then(|generation| self.traffic.reject(generation));
                self.heard(effect);
            }
            Act::Doubt(at) => {
                if let Some(generation) = self.generation(at) {
                    self.traffic.doubt(generation);
                }
            }
            Act::Hold => self.traffic.hold(),
            Act::Resume => {
                let effects = self.traffic.resume();
                self.heard(effects);
            }
            Act::Pass(millis) => {
                self.now += Duration::from_millis(millis);
                let effects = self.traffic.due(self.now);
                self.heard(effects);
            }
        }
    }

    fn hold_together(&self) {
        let known: BTreeSet<_> = self.traffic.waiting().map(|(ticket, _)| ticket).collect();
        assert_eq!(known, self.waiting, "who waits is known, and nobody else waits");
        assert!(known.len() <= BOUNDS.requests);
        let flying: BTreeMap<_, _> = self
            .traffic
            .generations()
            .flat_map(|(to, _)| self.traffic.flights(to).map(move |(ticket, _)| (ticket, to)))
            .collect();
        assert_eq!(flying, self.flying, "no request is lost, none is in two places");
        let live = self.traffic.generations().filter(|(_, stage)| *stage == Stage::Live).count();
        assert!(live <= 1, "{live} are live");
        assert!(self.traffic.held() || live == 0 || known.is_empty(), "nobody waits for nothing");
    }
}

proptest! {
    /// S1.7: whatever happens in whatever order, no request is sent to a copy that is not live, none is lost and none sent
    /// twice, the bounds hold, and nobody waits without a reason.
    #[test]
    fn no_request_is_lost_or_sent_to_a_copy_that_drains(acts in prop::collection::vec(act(), 0..120)) {
        let mut watch = Watch {
            traffic: Traffic::new(BOUNDS),
            now: Instant::now(),
            waiting: BTreeSet::new(),
            flying: BTreeMap::new(),
            generations: Vec::new(),
        };
        for act in acts {
            watch.perform(act);
            watch.hold_together();
        }
    }
}
