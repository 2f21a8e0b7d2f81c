//! What a proxy costs, and what a switch behind it costs, beside the usual ones. All get one thread for their work.
mod front;
mod load;

use super::table::{Row, Table, Target, median};
use super::{Bench, machine};
use crate::setup::Need;
use crate::task::{Failure, works};
use front::{App, Front, Kind};
use load::Load;
use std::time::Duration;
use testkit::TempDir;

/// What to compare with, and what loads it.
pub(crate) const NEEDS: &[Need] = &[
    Need { program: "wrk", package: "wrk", found: || std::path::Path::new("/usr/bin/wrk").exists() },
    Need { program: "nginx", package: "nginx-light", found: || works("/usr/sbin/nginx", &["-v"]) },
    Need { program: "haproxy", package: "haproxy", found: || works("/usr/sbin/haproxy", &["-v"]) },
    Need { program: "caddy", package: "caddy", found: || works("/usr/bin/caddy", &["version"]) },
];

/// Connections that are kept open.
const CONNECTIONS: usize = 32;
/// Changes of the copy behind a proxy.
const SWITCHES: usize = 20;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    Ok(vec![cost(bench)?, switches(bench)?])
}

/// Requests that follow each other on kept connections, direct and through each proxy in turns.
fn cost(bench: &Bench) -> Result<Table, Failure> {
    let dir = TempDir::new();
    let app = App::start(&dir)?;
    let fronts = Kind::ALL.map(|kind| Front::start(bench, kind, app.port));
    let span = Duration::from_secs(if bench.quick { 1 } else { 5 });
    let mut direct = Vec::new();
    let mut loads: Vec<Vec<Load>> = Kind::ALL.iter().map(|_| Vec::new()).collect();
    let fronts = fronts.into_iter().collect::<Result<Vec<_>, _>>()?;
    for _ in 0..bench.rounds(5) {
        direct.push(Load::on(app.port, CONNECTIONS, span)?);
        for (front, loads) in fronts.iter().zip(&mut loads) {
            loads.push(Load::on(front.port, CONNECTIONS, span)?);
        }
    }
    let mut table = Table::new(format!("release: a request through a proxy, {CONNECTIONS} connections"), "ms");
    for (kind, loads) in Kind::ALL.iter().zip(&loads) {
        let target = (*kind == Kind::Mainstay).then_some(Target::Below("nginx"));
        table.add(row("1000 requests", kind.name(), loads.iter().map(|it| 1e6 / it.per_second), target));
    }
    table.add(row("1000 requests", "direct", direct.iter().map(|it| 1e6 / it.per_second), None));
    for (case, of) in [("p50", (|it: &Load| it.p50_ms) as fn(&Load) -> f64), ("p99", |it: &Load| it.p99_ms)] {
        for (kind, loads) in Kind::ALL.iter().zip(&loads) {
            table.add(row(case, kind.name(), loads.iter().map(of), None));
        }
        table.add(row(case, "direct", direct.iter().map(of), None));
    }
    ratios(&mut table, &direct, &loads);
    Ok(table)
}

fn ratios(table: &mut Table, direct: &[Load], loads: &[Vec<Load>]) {
    let rate = |loads: &[Load]| median(&loads.iter().map(|it| it.per_second).collect::<Vec<_>>());
    let all = Kind::ALL
        .iter()
        .zip(loads)
        .map(|(kind, loads)| format!("{} {:.0} ({:.2})", kind.name(), rate(loads), rate(loads) / rate(direct)));
    let all: Vec<_> = all.collect();
    table.note(format!("requests/s (share of direct {:.0}): {}", rate(direct), all.join(", ")));
    let failed: u64 = loads.iter().flatten().map(|it| it.failed).sum();
    table.note(format!("{failed} requests failed; the application is nginx with one worker and a page of 1 kB"));
    table.note(machine::line());
}

/// The copy behind is changed under load; the one before is stopped as soon as the proxy has been told.
fn switches(bench: &Bench) -> Result<Table, Failure> {
    let mut table = Table::new(format!("release: {SWITCHES} switches under load, {CONNECTIONS} connections"), "failed");
    let (mut times, mut ends) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let dir = TempDir::new();
        let mut app = App::start(&dir)?;
        let mut front = Front::start(bench, kind, app.port)?;
        let load = Load::begin(front.port, CONNECTIONS, Duration::from_secs(SWITCHES as u64 / 2 + 4))?;
        std::thread::sleep(Duration::from_secs(1));
        for _ in 0..SWITCHES {
            let next = App::start(&dir)?;
            front.switch(next.port)?;
            drop(std::mem::replace(&mut app, next));
            std::thread::sleep(Duration::from_millis(300));
        }
        let load = load.end()?;
        let target = (kind == Kind::Mainstay).then_some(Target::AtMost(0.0));
        table.add(row("failed requests", kind.name(), [load.failed as f64], target));
        times.push(format!("{} {:.1} ms", kind.name(), load.p99_ms));
        ends.push(format!("{} {}", kind.name(), load.requests));
    }
    table.note(format!("p99 meanwhile: {}", times.join(", ")));
    table.note(format!("requests meanwhile: {}", ends.join(", ")));
    table.note(
        "ours answers when the old copy has nothing left; the others are reloaded, which says nothing about that",
    );
    Ok(table)
}

fn row(case: &str, who: &str, values: impl IntoIterator<Item = f64>, target: Option<Target>) -> Row {
    Row { case: case.to_owned(), who: who.to_owned(), values: values.into_iter().collect(), early: 0, target }
}
