//! From the kill of a service until its next copy runs.
use super::helper::{millis, now};
use super::process::kill;
use super::supervisor::{self, Running, SERVICES};
use super::table::Table;
use super::{Bench, machine};
use crate::task::Failure;
use std::time::Duration;

/// All services count as stable by then: runit and s6 hold back one that lived less than a second, supervisord calls it failed.
const SETTLE: Duration = Duration::from_millis(2500);
/// From one kill to the next.
const PAUSE: Duration = Duration::from_millis(150);

/// Each service of an application is killed once, in a few applications.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut table = Table::new("restart: a service is killed -> its next copy runs", "ms");
    for supervisor in supervisor::all(bench).into_iter().filter(|it| it.restarts()) {
        let mut took = Vec::new();
        for _ in 0..bench.rounds(4) {
            took.extend(again_after(supervisor.begin(bench)?)?);
        }
        table.add(supervisor.row("first crash", took, supervisor.target(10.0)));
    }
    table.note("each service once, after 2.5 s; the command's own start is part of it");
    if let Some(missing) = supervisor::missing(bench) {
        table.note(missing);
    }
    table.note(machine::line());
    Ok(vec![table])
}

/// Each of ten services is killed once: milliseconds until the next copy of each runs.
pub(super) fn again_after(mut running: Running) -> Result<Vec<f64>, Failure> {
    let mut took = Vec::new();
    running.started(SERVICES)?;
    std::thread::sleep(SETTLE);
    for index in 0..SERVICES {
        took.push(again(&mut running, index)?);
        std::thread::sleep(PAUSE);
    }
    Ok(took)
}

/// Kills the service that was started in this place; it is the only one that starts meanwhile.
fn again(running: &mut Running, index: usize) -> Result<f64, Failure> {
    let starts = running.started(SERVICES + index)?;
    let killed = now();
    kill(starts[index].pid);
    let next = running.started(starts.len() + 1)?;
    let next = next.last().filter(|stamp| stamp.name == starts[index].name);
    let next = next.ok_or_else(|| Failure::Failed(format!("`{}` did not start again", starts[index].name)))?;
    Ok(millis(killed, next.at))
}
