//! How long it takes: until all run, until a crashed one runs again, until all have ended.
use super::super::helper::millis;
use super::super::load::Load;
use super::super::restart::again_after;
use super::super::supervisor::{self, SERVICES, Supervisor};
use super::super::table::{Table, Target};
use super::{Bench, can_have, tell_of_failure};
use crate::task::Failure;
use std::time::Duration;

/// Services, rounds, and the most milliseconds that are good enough.
const UP: [(usize, usize, Option<f64>); 4] =
    [(1, 10, None), (10, 10, Some(15.0)), (50, 5, None), (500, 3, Some(800.0))];

/// The slowest peer with five hundred services is given so long.
const PATIENCE: Duration = Duration::from_secs(90);

/// From the start of the program until the last service runs.
pub(super) fn up(bench: &Bench) -> Result<Table, Failure> {
    let mut table = Table::new("up: the program is started -> all services run", "ms");
    for (services, rounds, target) in UP {
        let case = super::super::table::count(services, "service");
        for supervisor in supervisor::all(bench).into_iter().chain([Supervisor::Bare]) {
            if !can_have(supervisor, services) {
                continue;
            }
            match each_up(bench, supervisor, services, bench.rounds(rounds)) {
                Ok(took) => {
                    let bare = supervisor == Supervisor::Bare;
                    let case = if bare { format!("{case}, nobody supervises") } else { case.clone() };
                    table.add(supervisor.row(&case, took, target.and_then(|most| supervisor.target(most))));
                }
                Err(failure) => tell_of_failure(&mut table, supervisor, &case, failure)?,
            }
        }
    }
    Ok(table)
}

fn each_up(bench: &Bench, supervisor: Supervisor, services: usize, rounds: usize) -> Result<Vec<f64>, Failure> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let mut running = supervisor.begin_with(bench, &Load::idle(services), &[])?;
        let stamps = running.started_within(services, PATIENCE)?;
        let last = stamps.iter().map(|stamp| stamp.at).max().unwrap_or_default();
        took.push(millis(running.begun, last));
    }
    Ok(took)
}

/// A service is killed -> its next copy runs.
pub(super) fn crash(bench: &Bench) -> Result<Table, Failure> {
    let mut table = Table::new("crash: a service is killed -> its next copy runs", "ms");
    for supervisor in supervisor::all(bench).into_iter().filter(|it| it.restarts()) {
        let mut took = Vec::new();
        for _ in 0..bench.rounds(3) {
            took.extend(again_after(supervisor.begin_with(bench, &Load::idle(SERVICES), &[])?)?);
        }
        table.add(supervisor.row("first crash", took, supervisor.target(5.0)));
    }
    table.note("each of ten services once, after 2.5 s; the start of the service itself is part of it");
    Ok(table)
}

/// It is asked to stop -> it and all services are gone.
pub(super) fn stop(bench: &Bench) -> Result<Table, Failure> {
    let mut table = Table::new("stop: asked to stop -> supervisor and services are gone", "ms");
    for (services, rounds) in [(10, 5), (50, 3), (500, 3)] {
        let case = super::super::table::count(services, "service");
        for supervisor in supervisor::all(bench).into_iter().filter(|it| can_have(*it, services)) {
            match each_stop(bench, supervisor, services, bench.rounds(rounds)) {
                Ok(took) => {
                    let target = (supervisor == Supervisor::Mainstay).then_some(Target::ShareOfBest(1.0));
                    table.add(supervisor.row(&case, took, target));
                }
                Err(failure) => tell_of_failure(&mut table, supervisor, &case, failure)?,
            }
        }
    }
    Ok(table)
}

fn each_stop(bench: &Bench, supervisor: Supervisor, services: usize, rounds: usize) -> Result<Vec<f64>, Failure> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let mut running = supervisor.begin_with(bench, &Load::idle(services), &[])?;
        running.started_within(services, PATIENCE)?;
        // What a start leaves to be done is done by then; supervisord counts its services as started after a second.
        std::thread::sleep(Duration::from_millis(1500));
        let gone = running.stop(PATIENCE);
        took.push(gone.ok_or_else(|| Failure::Failed(format!("not stopped after {} s", PATIENCE.as_secs())))?);
    }
    Ok(took)
}
