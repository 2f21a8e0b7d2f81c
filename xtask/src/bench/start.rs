//! Until ten idle services run.
use super::helper::{self, Moment, Stamp, millis, now};
use super::supervisor::{self, Running, SERVICES, Supervisor};
use super::table::{Row, Table, Target};
use super::{Bench, machine};
use crate::task::Failure;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use testkit::TempDir;

/// From the supervisor's own start, and from the moment when our gate opens.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut table = Table::new(format!("start: until {SERVICES} idle services run"), "ms");
    let mut from_gate = Vec::new();
    for supervisor in supervisor::all(bench).into_iter().chain([Supervisor::Bare]) {
        let mut took = Vec::new();
        for _ in 0..bench.rounds(20) {
            let mut running = supervisor.begin(bench)?;
            let last = last(&running.started(SERVICES)?);
            took.push(millis(running.begun, last));
            if supervisor == Supervisor::Mainstay {
                from_gate.push(millis(gate(&running)?, last));
            }
        }
        let case = if supervisor == Supervisor::Bare { "nobody supervises" } else { "from the start of the program" };
        table.add(supervisor.row(case, took, None));
    }
    let case = "from the open gate";
    table.add(Supervisor::Mainstay.row(case, from_gate, Some(Target::AtMost(15.0))));
    note(bench, &mut table)?;
    Ok(vec![table])
}

fn last(stamps: &[Stamp]) -> Moment {
    stamps.iter().map(|stamp| stamp.at).max().unwrap_or_default()
}

fn note(bench: &Bench, table: &mut Table) -> Result<(), Failure> {
    let dir = TempDir::new();
    table.note(format!("one service alone needs {:.2} ms from fork to its first line", helper::floor(dir.path())?));
    table.note(
        "the gate's time is read from our own event, to the millisecond; peers have no gate and open no database",
    );
    if let Some(missing) = supervisor::missing(bench) {
        table.note(missing);
    }
    table.note(machine::line());
    Ok(())
}

/// When our gate opened, by the event that says so.
fn gate(running: &Running) -> Result<Moment, Failure> {
    let said = running.said();
    let mut events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let opened = events.rfind(|event| event["event"] == "gate.open");
    let time = opened.as_ref().and_then(|event| event["time"].as_str()).and_then(nanos_of_day);
    let opened = time.ok_or_else(|| Failure::Failed(format!("no `gate.open` with a time in\n{said}")))?;
    Ok(now() - (today() - opened).rem_euclid(DAY))
}

const DAY: i64 = 86_400_000_000_000;

/// Nanoseconds since midnight, UTC.
fn today() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).rem_euclid(DAY)
}

/// The time of day of `2026-01-31T12:34:56.789Z`.
fn nanos_of_day(time: &str) -> Option<i64> {
    let clock = time.split_once('T')?.1.strip_suffix('Z')?;
    let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    Some((((hours * 60.0 + minutes) * 60.0 + seconds) * 1e9) as i64)
}

impl Supervisor {
    /// What it came to in one case.
    pub(super) fn row(self, case: &str, values: Vec<f64>, target: Option<Target>) -> Row {
        Row { case: case.to_owned(), who: self.name().to_owned(), values, early: 0, target }
    }

    /// Only we have targets.
    pub(super) fn target(self, most: f64) -> Option<Target> {
        (self == Self::Mainstay).then_some(Target::AtMost(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_event_is_read_to_the_millisecond() {
        assert_eq!(nanos_of_day("2026-01-31T00:01:02.003Z"), Some(62_003_000_000));
        assert_eq!(nanos_of_day("yesterday"), None);
    }
}
