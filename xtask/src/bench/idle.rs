//! What a supervisor costs while nothing happens.
use super::load::Load;
use super::process::{Usage, resident};
use super::supervisor::{self, SERVICES};
use super::table::Table;
use super::{Bench, machine};
use crate::task::Failure;
use std::time::Duration;

/// Whatever a start leaves to be done is done by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Memory, wake-ups and CPU.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut tables = tables(bench, SERVICES)?;
    supervisor::missing(bench).into_iter().for_each(|missing| tables[2].note(missing));
    tables[2].note(machine::line());
    Ok(tables.into())
}

/// The same with so many services.
pub(super) fn tables(bench: &Bench, services: usize) -> Result<[Table; 3], Failure> {
    let window = Duration::from_secs(if bench.quick { 3 } else { 10 });
    let case = format!("{services} idle services");
    let mut memory = Table::new("idle: resident memory of the supervisor, all its processes", "MB");
    let mut wakes = Table::new("idle: wake-ups in ten seconds", "switches");
    let mut cpu = Table::new("idle: CPU", "% of a core");
    for supervisor in supervisor::all(bench) {
        let (mut bytes, mut switches, mut percent) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.rounds(3) {
            let mut running = supervisor.begin_with(bench, &Load::idle(services), &[])?;
            running.started(services)?;
            std::thread::sleep(SETTLE);
            let own = running.own();
            let before = Usage::of(&own);
            std::thread::sleep(window);
            let after = Usage::of(&own);
            bytes.push(resident(&own) as f64 / 1e6);
            switches.push(after.wakes_in_ten_seconds_since(&before));
            percent.push(after.cpu_percent_since(&before));
        }
        memory.add(supervisor.row(&case, bytes, supervisor.target(8.0)));
        wakes.add(supervisor.row(&case, switches, supervisor.target(0.0)));
        cpu.add(supervisor.row(&case, percent, supervisor.target(0.0)));
    }
    Ok([memory, wakes, cpu])
}
