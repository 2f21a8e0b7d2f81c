//! The sentences of the monitor.

use super::{Rules, recent::Turn, verdict_on};
use database::{Refusal, ServerState};
use report::{Event, Level, Verdict, seconds};
use std::time::Duration;

pub(super) fn passed(rules: &Rules) -> Event {
    check(rules, Verdict::Pass, format!("{} answers", rules.name)).level(Level::Debug)
}

pub(super) fn failed(rules: &Rules, refusal: &Refusal, count: u32) -> Event {
    let text = format!("{} failed check {count} of {}: {refusal}", rules.name, rules.failures);
    explained(check(rules, Verdict::Fail, text), refusal.state, refusal).level(Level::Warn)
}

/// While it is down, people have been told; this one is for the record.
pub(super) fn failed_again(rules: &Rules, refusal: &Refusal) -> Event {
    let text = format!("{} still fails: {refusal}", rules.name);
    explained(check(rules, verdict_on(refusal), text), refusal.state, refusal).level(Level::Debug)
}

pub(super) fn could_not_verify(rules: &Rules, refusal: &Refusal) -> Event {
    let text = format!("could not verify {}: {refusal}", rules.name);
    explained(check(rules, Verdict::CouldNotVerify, text), refusal.state, refusal).level(Level::Warn)
}

pub(super) fn down(rules: &Rules, state: ServerState, refusal: &Refusal, count: u32) -> Event {
    let failures = report::count(count as usize, "failed check");
    let text = format!("{} is {} after {failures}: {refusal}", rules.name, said(state));
    explained(named("health.down", rules, text), state, refusal).with("failures", count).level(Level::Error)
}

pub(super) fn still_down(rules: &Rules, state: ServerState, refusal: &Refusal, away: Duration) -> Event {
    let text = format!("{} is {}, away for {}: {refusal}", rules.name, said(state), seconds(away));
    explained(named("health.recovering", rules, text), state, refusal).with("away", away).level(Level::Warn)
}

pub(super) fn up(rules: &Rules, after: Duration) -> Event {
    named("health.up", rules, format!("{} is ready again after {}", rules.name, seconds(after))).with("after", after)
}

pub(super) fn turned(rules: &Rules, turn: Turn) -> Event {
    let name = &rules.name;
    match turn {
        Turn::Unsteady => {
            named("health.unsteady", rules, format!("{name} is unsteady: its checks fail time and again"))
                .level(Level::Warn)
        }
        Turn::Steady => named("health.steady", rules, format!("{name} is steady again")),
    }
}

/// `unknown` is honest but says little: the reason follows.
fn said(state: ServerState) -> &'static str {
    match state {
        ServerState::Unknown => "unusable",
        state => state.word(),
    }
}

fn check(rules: &Rules, verdict: Verdict, text: String) -> Event {
    named("health.check", rules, text).with("verdict", verdict.to_string())
}

fn named(name: &'static str, rules: &Rules, text: String) -> Event {
    Event::new(name, text).with("target", rules.name.as_str())
}

fn explained(event: Event, state: ServerState, refusal: &Refusal) -> Event {
    let event = event.with("state", state.word());
    let event = match &refusal.code {
        Some(code) => event.with("code", code.as_str()),
        None => event,
    };
    event.with("reason", refusal.message.as_str())
}
