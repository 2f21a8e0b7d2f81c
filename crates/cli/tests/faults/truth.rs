//! What was told against what was so.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What one process of mainstay has told, as JSON lines.
pub struct Life {
    pub stderr: String,
    /// Nobody who is killed tells the last of what it has done.
    pub killed: bool,
}

/// What was told, and what was done to it.
#[derive(Default)]
pub struct Truth {
    pub lives: Vec<Life>,
    /// From when to when the health check of `api` failed, in seconds since 1970.
    pub sick: Vec<(f64, f64)>,
    /// Who was killed by us: name, process, signal.
    pub kills: Vec<(&'static str, u32, i32)>,
}

/// A check that was on its way when the health changed may tell of before; it has a second.
const ON_ITS_WAY: f64 = 1.5;

impl Truth {
    /// What was told and is not so, and what was so and not told. `begun` is what the services have written themselves.
    pub fn lies(&self, begun: &str) -> Vec<String> {
        let mut lies = Vec::new();
        let mut told: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for life in &self.lives {
            let events = events(&life.stderr);
            lies.extend(panics(&life.stderr));
            lies.extend(self.ready_although_sick(&events));
            lies.extend(self.wrong_ends(&events));
            lies.extend(one_after_the_other(&events, life.killed, &mut told));
        }
        lies.extend(self.untold(begun, &told));
        lies
    }

    fn ready_although_sick(&self, events: &[Value]) -> Vec<String> {
        let well = |event: &&Value| {
            matches!(text(event, "event"), "service.ready" | "service.healthy") && event["service"] == "api"
        };
        let sick = |event: &&Value| {
            let at = seconds(text(event, "time"));
            self.sick.iter().any(|(from, until)| *from + ON_ITS_WAY < at && at < *until)
        };
        events
            .iter()
            .filter(well)
            .filter(sick)
            .map(|event| format!("well, they say, while its check fails: {event}"))
            .collect()
    }

    /// Who was killed by us, and whose end nobody has asked for, was killed by that signal. (`api` ends by itself, too.)
    fn wrong_ends(&self, events: &[Value]) -> Vec<String> {
        let kills = self.kills.iter().filter(|(name, ..)| *name != "api");
        let wrong = kills.filter_map(|(name, pid, signal)| {
            let its = |event: &&Value| event["service"] == *name;
            let started =
                events.iter().position(|it| its(&it) && it["event"] == "service.started" && it["pid"] == *pid)?;
            let end = events[started..].iter().filter(its).find(|it| is_end(text(it, "event")))?;
            // It may have been killed already, by an earlier act.
            let signals: Vec<_> = self.kills.iter().filter(|it| it.1 == *pid).map(|it| it.2).collect();
            let right = end["event"] == "service.stopped" || signals.iter().any(|it| end["by_signal"] == *it);
            (!right).then(|| format!("{name} {pid} was killed by {signal}: {end}"))
        });
        wrong.collect()
    }

    /// Each copy that has begun was told. A mainstay that is killed may have started one more of each.
    fn untold(&self, begun: &str, told: &BTreeMap<String, BTreeSet<u64>>) -> Vec<String> {
        let killed = self.lives.iter().filter(|life| life.killed).count();
        let mut missing: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (name, pid) in begun.lines().filter_map(|line| line.split_once(' ')) {
            let pid: u64 = pid.trim().parse().unwrap_or_default();
            if !told.get(name).is_some_and(|told| told.contains(&pid)) {
                missing.entry(name).or_default().push(pid);
            }
        }
        let too_many = missing.into_iter().filter(|(_, pids)| pids.len() > killed);
        too_many.map(|(name, pids)| format!("copies of {name} that were never told: {pids:?}")).collect()
    }
}

fn panics(stderr: &str) -> Vec<String> {
    stderr.lines().filter(|line| line.contains("panicked at")).map(|line| format!("a panic: {line}")).collect()
}

/// Each start of a service is followed by its end before the next, and in a life that ended by itself all have ended.
fn one_after_the_other(events: &[Value], killed: bool, told: &mut BTreeMap<String, BTreeSet<u64>>) -> Vec<String> {
    let (mut lies, mut running) = (Vec::new(), BTreeMap::<String, u64>::new());
    for event in events {
        let name = text(event, "event");
        let whose = [text(event, "service"), text(event, "job")].concat();
        if matches!(name, "service.started" | "schedule.started") {
            let pid = event["pid"].as_u64().unwrap_or_default();
            told.entry(whose.clone()).or_default().insert(pid);
            if let Some(before) = running.insert(whose.clone(), pid) {
                lies.push(format!("{whose} is started as {pid}, and nobody has told the end of {before}"));
            }
        } else if is_end(name) && running.remove(&whose).is_none() {
            lies.push(format!("the end of {whose}, which did not run: {event}"));
        }
    }
    if !killed && !running.is_empty() {
        lies.push(format!("nobody has told the end of {running:?}"));
    }
    lies
}

fn is_end(name: &str) -> bool {
    matches!(name, "service.exited" | "service.stopped" | "schedule.done" | "schedule.failed" | "schedule.stopped")
}

fn events(stderr: &str) -> Vec<Value> {
    let values = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values.filter(|value| value["event"].is_string()).collect()
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

/// Seconds since 1970 of `2026-11-24T08:00:00.000Z`.
fn seconds(time: &str) -> f64 {
    time.parse::<jiff::Timestamp>().map_or(f64::NAN, |time| time.as_millisecond() as f64 / 1000.0)
}
