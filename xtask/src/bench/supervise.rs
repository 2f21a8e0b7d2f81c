//! Everything that a supervisor does, side by side: from one service to five hundred.
mod cost;
mod lines;
mod logs;
mod strays;
mod times;

use super::supervisor::Supervisor;
use super::table::Table;
use super::{Bench, machine, supervisor};
use crate::task::Failure;

/// What can be measured alone, by `--only`.
pub(super) const PARTS: [&str; 7] = ["up", "memory", "idle", "crash", "stop", "strays", "logs"];

/// All parts, or the one that is wanted.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut tables = Vec::new();
    for part in PARTS.into_iter().filter(|part| bench.only.is_none_or(|only| only == *part)) {
        tables.extend(match part {
            "up" => vec![times::up(bench)?],
            "memory" => cost::memory(bench)?,
            "idle" => cost::idle(bench)?,
            "crash" => vec![times::crash(bench)?],
            "stop" => vec![times::stop(bench)?],
            "strays" => strays::measure(bench)?,
            _ => logs::measure(bench)?,
        });
    }
    if let Some(table) = tables.last_mut() {
        supervisor::missing(bench).into_iter().for_each(|missing| table.note(missing));
        table.note(machine::line());
    }
    Ok(tables)
}

/// A supervisor with so many services, if that can be asked of it.
fn can_have(supervisor: Supervisor, services: usize) -> bool {
    match supervisor {
        // A process of Python for each service: five hundred take gigabytes.
        Supervisor::Honcho => (1..=50).contains(&services),
        // Without services it ends, or is another program.
        Supervisor::Pm2 | Supervisor::Bare => services > 0,
        _ => true,
    }
}

/// One that fails is left out, with what it said.
fn tell_of_failure(table: &mut Table, supervisor: Supervisor, case: &str, failure: Failure) -> Result<(), Failure> {
    if supervisor == Supervisor::Mainstay {
        return Err(failure);
    }
    let (Failure::Usage(why) | Failure::Failed(why)) = failure;
    table.note(format!("{}, {case}: {}", supervisor.name(), why.lines().next().unwrap_or_default()));
    Ok(())
}
