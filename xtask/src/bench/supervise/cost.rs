//! What it costs while nothing happens.
use super::super::idle;
use super::super::load::Load;
use super::super::process::{proportional, resident};
use super::super::supervisor::{self, Supervisor};
use super::super::table::{Table, count};
use super::{Bench, can_have};
use crate::task::Failure;
use std::time::Duration;

/// Memory of all processes of the supervisor itself, its services not counted: resident, and with shared pages shared.
pub(super) fn memory(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut whole = Table::new("memory: resident, all processes of the supervisor", "MB");
    let mut shared = Table::new("memory: the same with shared pages divided (PSS)", "MB");
    for services in [0, 1, 50] {
        let case = if services == 0 { "no service".to_owned() } else { count(services, "service") };
        for supervisor in supervisor::all(bench).into_iter().filter(|it| can_have(*it, services)) {
            let Some((rss, pss)) = used(bench, supervisor, services)? else { continue };
            whole.add(supervisor.row(&case, vec![rss], supervisor.target(8.0)));
            let target = if services == 50 { supervisor.target(8.0) } else { None };
            shared.add(supervisor.row(&case, vec![pss], target));
        }
    }
    whole.note("mainstay, pm2 and honcho end when they have no service");
    Ok(vec![whole, shared])
}

fn used(bench: &Bench, supervisor: Supervisor, services: usize) -> Result<Option<(f64, f64)>, Failure> {
    let mut running = supervisor.begin_with(bench, &Load::idle(services), &[])?;
    running.started(services)?;
    std::thread::sleep(Duration::from_secs(2));
    let own = running.own();
    let (rss, pss) = (resident(&own) as f64 / 1e6, proportional(&own) as f64 / 1e6);
    Ok((rss > 0.0).then_some((rss, pss)))
}

/// Wake-ups and CPU.
pub(super) fn idle(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let [_, wakes, cpu] = idle::tables(bench, 50)?;
    Ok(vec![wakes, cpu])
}
