//! What is left: zombies while it runs as process 1, and processes after the stop.
use super::super::helper;
use super::super::load::Load;
use super::super::process::{is_there, is_zombie, kill};
use super::super::supervisor::{self, Supervisor};
use super::super::table::Table;
use super::{Bench, tell_of_failure};
use crate::task::Failure;
use std::time::Duration;

const ORPHANS: u64 = 20;
const STRAYS: u64 = 4;

/// A namespace of processes in which the supervisor is process 1, as in a container. What is in it ends with it.
const AS_INIT: &[&str] = &["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"];

/// Zombies of twenty orphans, and what is left of four that have gone away with sessions of their own.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut zombies = Table::new("strays: as process 1, zombies of 20 orphans that have ended", "processes");
    let mut left = Table::new("strays: left after the stop, of 4 with sessions of their own", "processes");
    for supervisor in supervisor::all(bench) {
        match zombies_of(bench, supervisor) {
            Ok(count) => zombies.add(supervisor.row("20 orphans", vec![count], supervisor.target(0.0))),
            Err(failure) => tell_of_failure(&mut zombies, supervisor, "20 orphans", failure)?,
        }
        match left_of(bench, supervisor) {
            Ok(count) => left.add(supervisor.row("4 strays", vec![count], supervisor.target(0.0))),
            Err(failure) => tell_of_failure(&mut left, supervisor, "4 strays", failure)?,
        }
    }
    zombies.note("runsvdir is not made to be process 1");
    Ok(vec![zombies, left])
}

fn zombies_of(bench: &Bench, supervisor: Supervisor) -> Result<f64, Failure> {
    let load = Load { verb: "orphans", amount: Some(ORPHANS), ..Load::idle(1) };
    let mut running = supervisor.begin_with(bench, &load, AS_INIT)?;
    running.started(1)?;
    std::thread::sleep(Duration::from_secs(1));
    Ok(running.everybody().into_iter().filter(|pid| is_zombie(*pid)).count() as f64)
}

fn left_of(bench: &Bench, supervisor: Supervisor) -> Result<f64, Failure> {
    let load = Load { verb: "strays", amount: Some(STRAYS), ..Load::idle(1) };
    let mut running = supervisor.begin_with(bench, &load, &[])?;
    running.started(STRAYS as usize)?;
    std::thread::sleep(Duration::from_millis(1500));
    running.end(Duration::from_secs(20));
    let stamps = helper::stamps(&running.stamps);
    let left: Vec<u32> = stamps.iter().map(|stamp| stamp.pid).filter(|pid| is_there(*pid)).collect();
    left.iter().for_each(|pid| kill(*pid));
    Ok(left.len() as f64)
}
