//! What a proxy costs, and what a switch behind it costs, beside the usual ones. All get one thread for their work.
mod front;
mod load;
mod push;
mod site;

use super::table::{Row, Table, Target, median};
use super::{Bench, machine};
use crate::setup::Need;
use crate::task::{Failure, works};
use front::{App, Front, Kind};
use load::Load;
use site::Site;
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
/// No load goes on for longer.
const LONGEST: Duration = Duration::from_secs(600);
/// The application by itself, on the socket that mainstay has handed to it.
const HANDED: &str = "hand-over";
/// The least share of the direct requests that it is to have.
const LEAST: f64 = 0.99;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let [cost, shares] = cost(bench)?;
    Ok(vec![cost, shares, switches(bench)?, push::measure(bench)?])
}

/// Requests that follow each other on kept connections: direct, on a socket that was handed over, and through each proxy, in turns.
fn cost(bench: &Bench) -> Result<[Table; 2], Failure> {
    let dir = TempDir::new();
    let (app, handed_over) = (App::start(&dir)?, Site::start(&bench.mainstay)?);
    let fronts = Kind::ALL.map(|kind| Front::start(bench, kind, app.port));
    let span = Duration::from_secs(if bench.quick { 1 } else { 5 });
    let (mut direct, mut handed) = (Vec::new(), Vec::new());
    let mut loads: Vec<Vec<Load>> = Kind::ALL.iter().map(|_| Vec::new()).collect();
    let fronts = fronts.into_iter().collect::<Result<Vec<_>, _>>()?;
    for _ in 0..bench.rounds(5) {
        direct.push(Load::on(app.port, CONNECTIONS, span)?);
        handed.push(Load::on(handed_over.port, CONNECTIONS, span)?);
        for (front, loads) in fronts.iter().zip(&mut loads) {
            loads.push(Load::on(front.port, CONNECTIONS, span)?);
        }
    }
    let mut table = Table::new(format!("release: a request through a proxy, {CONNECTIONS} connections"), "ms");
    for (kind, loads) in Kind::ALL.iter().zip(&loads) {
        let target = (*kind == Kind::Mainstay).then_some(Target::Below("nginx"));
        table.add(row("1000 requests", kind.name(), loads.iter().map(|it| 1e6 / it.per_second), target));
    }
    table.add(row("1000 requests", HANDED, handed.iter().map(|it| 1e6 / it.per_second), None));
    table.add(row("1000 requests", "direct", direct.iter().map(|it| 1e6 / it.per_second), None));
    for (case, of) in [("p50", (|it: &Load| it.p50_ms) as fn(&Load) -> f64), ("p99", |it: &Load| it.p99_ms)] {
        for (kind, loads) in Kind::ALL.iter().zip(&loads) {
            table.add(row(case, kind.name(), loads.iter().map(of), None));
        }
        table.add(row(case, HANDED, handed.iter().map(of), None));
        table.add(row(case, "direct", direct.iter().map(of), None));
    }
    ratios(&mut table, &direct, &handed, &loads);
    Ok([table, shares(&direct, &handed, &loads)])
}

/// Of the direct requests of the same round.
fn shares(direct: &[Load], handed: &[Load], loads: &[Vec<Load>]) -> Table {
    let mut table = Table::of_gain("release: requests per second, as a share of the direct ones", "of direct");
    let share = |loads: &[Load]| -> Vec<_> {
        loads.iter().zip(direct).map(|(it, direct)| it.per_second / direct.per_second).collect()
    };
    table.add(row("no proxy", HANDED, share(handed), Some(Target::AtLeast(LEAST))));
    for (kind, loads) in Kind::ALL.iter().zip(loads) {
        table.add(row("proxy", kind.name(), share(loads), None));
    }
    table
}

fn ratios(table: &mut Table, direct: &[Load], handed: &[Load], loads: &[Vec<Load>]) {
    let rate = |loads: &[Load]| median(&loads.iter().map(|it| it.per_second).collect::<Vec<_>>());
    let all = Kind::ALL
        .iter()
        .zip(loads)
        .map(|(kind, loads)| format!("{} {:.0} ({:.2})", kind.name(), rate(loads), rate(loads) / rate(direct)));
    let own = format!("{HANDED} {:.0} ({:.2})", rate(handed), rate(handed) / rate(direct));
    let all: Vec<_> = std::iter::once(own).chain(all).collect();
    table.note(format!("requests/s (share of direct {:.0}): {}", rate(direct), all.join(", ")));
    let failed: u64 = loads.iter().flatten().chain(direct).chain(handed).map(|it| it.failed).sum();
    table.note(format!("{failed} requests failed; the application is nginx with one worker and a page of 1 kB"));
    table.note(machine::line());
}

/// The copy behind is changed under load; the one before is stopped as soon as the proxy has been told.
fn switches(bench: &Bench) -> Result<Table, Failure> {
    let mut table = Table::new(format!("release: {SWITCHES} switches under load, {CONNECTIONS} connections"), "failed");
    let handed = releases(bench)?;
    table.add(row("failed requests", HANDED, [handed.failed as f64], Some(Target::AtMost(0.0))));
    let mut times = vec![format!("{HANDED} {:.1} ms", handed.p99_ms)];
    let mut ends = vec![format!("{HANDED} {}", handed.requests)];
    for kind in Kind::ALL {
        let dir = TempDir::new();
        let mut app = App::start(&dir)?;
        let mut front = Front::start(bench, kind, app.port)?;
        let load = Load::begin(front.port, CONNECTIONS, LONGEST)?;
        std::thread::sleep(Duration::from_secs(1));
        for _ in 0..SWITCHES {
            let next = App::start(&dir)?;
            front.switch(next.port)?;
            drop(std::mem::replace(&mut app, next));
            std::thread::sleep(Duration::from_millis(300));
        }
        let load = load.stop()?;
        let target = (kind == Kind::Mainstay).then_some(Target::AtMost(0.0));
        table.add(row("failed requests", kind.name(), [load.failed as f64], target));
        times.push(format!("{} {:.1} ms", kind.name(), load.p99_ms));
        ends.push(format!("{} {}", kind.name(), load.requests));
    }
    table.note(format!("p99 meanwhile: {}", times.join(", ")));
    table.note(format!("requests meanwhile: {}", ends.join(", ")));
    table.note(format!(
        "{HANDED}: whole releases by `git push`; nginx itself ends the connections of the version before"
    ));
    table.note(
        "ours answers when the old copy has nothing left; the others are reloaded, which says nothing about that",
    );
    Ok(table)
}

/// Releases of an application on a socket that is handed from version to version, by `git push`.
fn releases(bench: &Bench) -> Result<Load, Failure> {
    let site = Site::start(&bench.mainstay)?;
    let load = Load::begin(site.port, CONNECTIONS, LONGEST)?;
    for version in 1..=SWITCHES {
        site.commit(&format!("v{version}"))?;
        site.push()?;
    }
    load.stop()
}

fn row(case: &str, who: &str, values: impl IntoIterator<Item = f64>, target: Option<Target>) -> Row {
    Row { case: case.to_owned(), who: who.to_owned(), values: values.into_iter().collect(), early: 0, target }
}
