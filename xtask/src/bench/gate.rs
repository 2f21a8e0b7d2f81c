//! From the moment when the server accepts until the command runs; and what the waiting costs.
use super::helper::{self, Moment, millis, now};
use super::machine;
use super::process::{Usage, family};
use super::remote::{NETWORK, Remote, SERVER};
use super::table::{Row, Table, Target};
use super::waiter::{self, Place, Waiter, Waiting};
use super::{Bench, table::OURS};
use crate::task::Failure;
use std::time::Duration;
use testkit::{Cluster, Held, TempDir};

/// Nobody waits longer than this after the server accepts.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at what the postmaster says about itself.
const LOOK: Duration = Duration::from_micros(200);

/// How a server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    /// Stopped, then started: the port is closed.
    Down,
    /// Killed with work to replay, its replay stopped half-way: the port is open and every session refused.
    Recovering,
}

/// Two tables: how soon, and how quietly.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let remote = Remote::build();
    let cluster = cluster(remote.is_ok());
    let mut places = vec![tcp(&cluster), socket(&cluster)];
    let mut soon = Table::new("gate: the server accepts -> the command runs", "ms");
    match &remote {
        Ok(remote) => places.push(far(&cluster, remote)),
        Err(Failure::Usage(why) | Failure::Failed(why)) => soon.note(format!("remote: skipped, needs root ({why})")),
    }
    for outage in [Outage::Down, Outage::Recovering] {
        for place in &places {
            latency(bench, &cluster, outage, place, &mut soon);
        }
    }
    note(&mut soon)?;
    let [lines, cpu] = costs(bench, &cluster, &places)?;
    Ok(vec![soon, lines, cpu])
}

fn cluster(remote: bool) -> Cluster {
    let builder = Cluster::builder().conf("max_wal_size = 10GB").conf("checkpoint_timeout = 1d");
    if !remote {
        return builder.start();
    }
    let both = format!("listen_addresses = '127.0.0.1,{SERVER}'");
    builder.conf(both).hba(format!("host all all {NETWORK} trust")).start()
}

fn tcp(cluster: &Cluster) -> Place<'static> {
    Place { name: "local", host: "127.0.0.1".into(), port: cluster.port(), url: cluster.url(), remote: None }
}

fn socket(cluster: &Cluster) -> Place<'static> {
    let host = cluster.socket_dir().display().to_string();
    Place { name: "socket", host, port: cluster.port(), url: cluster.socket_url(), remote: None }
}

fn far<'a>(cluster: &Cluster, remote: &'a Remote) -> Place<'a> {
    let port = cluster.port();
    let url = format!("postgres://postgres@{SERVER}:{port}/postgres");
    Place { name: "remote", host: SERVER.into(), port, url, remote: Some(remote) }
}

fn note(table: &mut Table) -> Result<(), Failure> {
    let dir = TempDir::new();
    table.note(format!("of each, {:.2} ms are the command's own start", helper::floor(dir.path())?));
    table.note("all wait side by side for the same start; early: the command ran before the server accepted");
    table.note(machine::line());
    Ok(())
}

fn latency(bench: &Bench, cluster: &Cluster, outage: Outage, place: &Place, table: &mut Table) {
    let waiters = waiter::all(place);
    let mut took: Vec<Vec<f64>> = vec![Vec::new(); waiters.len()];
    println!("  {outage:?}, {}", place.name);
    for number in 0..bench.rounds(20) {
        match round(bench, cluster, outage, place, number) {
            Ok(round) => took.iter_mut().zip(round).for_each(|(all, one)| all.push(one)),
            // The rest is worth having all the same.
            Err(Failure::Usage(why) | Failure::Failed(why)) => table.note(format!("a round without result: {why}")),
        }
    }
    for (waiter, values) in waiters.into_iter().zip(took) {
        table.add(row(outage, place, waiter, values));
    }
}

fn row(outage: Outage, place: &Place, waiter: Waiter, values: Vec<f64>) -> Row {
    let most = if place.remote.is_some() { 150.0 } else { 10.0 };
    Row {
        case: format!("{outage:?}, {}", place.name).to_lowercase(),
        who: waiter.name().to_owned(),
        early: values.iter().filter(|took| **took < 0.0).count(),
        values,
        target: (waiter.name() == OURS).then_some(Target::AtMost(most)),
    }
}

/// One outage that all waiters see; milliseconds of each.
fn round(bench: &Bench, cluster: &Cluster, outage: Outage, place: &Place, number: usize) -> Result<Vec<f64>, Failure> {
    let dir = TempDir::new();
    let held = outage.begin(cluster);
    let waiters = waiter::all(place).into_iter().map(|waiter| waiter.begin(bench, place, dir.path()));
    let mut waiting = waiters.collect::<Result<Vec<_>, _>>()?;
    std::thread::sleep(phase(number));
    let accepts = std::thread::scope(|scope| {
        let accepts = scope.spawn(|| accepts(cluster));
        outage.end(cluster, held);
        accepts.join()
    });
    let accepts = accepts.ok().flatten().ok_or_else(|| Failure::Failed("the server did not come back".to_owned()))?;
    let took = waiting.iter_mut().map(|it| it.took_since(accepts)).collect();
    cluster.wait_ready(LIMIT);
    took
}

/// Two to five seconds, spread evenly over rounds, so that no loop is favoured by where the end falls between two of its tries.
fn phase(number: usize) -> Duration {
    let golden = 0.618_033_988_75;
    Duration::from_secs_f64(2.0 + 3.0 * (golden * (number + 1) as f64).fract())
}

impl Outage {
    /// Takes the running server away.
    fn begin(self, cluster: &Cluster) -> Option<Held> {
        match self {
            Self::Down => {
                cluster.stop_fast();
                None
            }
            Self::Recovering => {
                cluster.psql("drop table if exists testkit_wal");
                Some(cluster.crash_and_hold())
            }
        }
    }

    fn end(self, cluster: &Cluster, held: Option<Held>) {
        match held {
            Some(held) => held.release(),
            None => cluster.start_again_nowait(),
        }
    }
}

/// When the postmaster calls itself ready, which it does as the last thing before it accepts. Asking leaves no trace in its log. The
/// moment is that of the last look that saw it not ready: what follows is never measured too short.
fn accepts(cluster: &Cluster) -> Option<Moment> {
    let begun = now();
    let mut before = begun;
    while millis(begun, now()) < LIMIT.as_secs_f64() * 1e3 {
        let at = now();
        if cluster.postmaster_status() == "ready" {
            return Some(before);
        }
        before = at;
        std::thread::sleep(LOOK);
    }
    None
}

impl Waiting {
    fn took_since(&mut self, accepts: Moment) -> Result<f64, Failure> {
        let ended = self.process.ends_within(LIMIT);
        let stamp = helper::stamps(&self.stamps).into_iter().next();
        match stamp {
            Some(stamp) if ended => Ok(millis(accepts, stamp.at)),
            _ => {
                Err(Failure::Failed(format!("{} never ran its command; it said\n{}", self.waiter.name(), self.said())))
            }
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.stamps.with_extension("log")).unwrap_or_default()
    }
}

/// Lines in the server's log and CPU, each waiter alone.
fn costs(bench: &Bench, cluster: &Cluster, places: &[Place]) -> Result<[Table; 2], Failure> {
    let mut lines = Table::new("gate: refusals in the server's log while waiting", "lines/min");
    let mut cpu = Table::new("gate: CPU while waiting, start-up left out", "% of a core");
    for outage in [Outage::Down, Outage::Recovering] {
        let held = outage.begin(cluster);
        for place in places {
            println!("  {outage:?}, {}: cost of waiting", place.name);
            for waiter in waiter::all(place).into_iter().filter(|it| outage.holds(*it)) {
                let (said, used) = cost(bench, cluster, place, waiter)?;
                let case = format!("{outage:?}, {}", place.name).to_lowercase();
                let row = |value, target| Row {
                    case: case.clone(),
                    who: waiter.name().to_owned(),
                    values: vec![value],
                    early: 0,
                    target: (waiter.name() == OURS).then_some(target),
                };
                if outage == Outage::Recovering {
                    lines.add(row(said, Target::Below(Waiter::PgIsready.name())));
                }
                cpu.add(row(used, Target::AtMost(0.2)));
            }
        }
        outage.end(cluster, held);
        cluster.wait_ready(LIMIT);
    }
    cpu.note(machine::line());
    Ok([lines, cpu])
}

impl Outage {
    /// An open port is enough for wait-for-it: during a recovery it does not wait at all.
    fn holds(self, waiter: Waiter) -> bool {
        self == Self::Down || waiter != Waiter::WaitForIt
    }
}

/// Lines a minute from the first moment on, and percent of a core after the first second.
fn cost(bench: &Bench, cluster: &Cluster, place: &Place, waiter: Waiter) -> Result<(f64, f64), Failure> {
    let window = Duration::from_secs(if bench.quick { 4 } else { 20 });
    let dir = TempDir::new();
    let (begun, lines) = (now(), refusals(cluster));
    let waiting = waiter.begin(bench, place, dir.path())?;
    std::thread::sleep(Duration::from_secs(1));
    let before = Usage::of(&family(waiting.process.pid()));
    std::thread::sleep(window);
    let used = Usage::of(&family(waiting.process.pid())).cpu_percent_since(&before);
    let minutes = millis(begun, now()) / 60_000.0;
    Ok(((refusals(cluster) - lines) as f64 / minutes, used))
}

fn refusals(cluster: &Cluster) -> usize {
    cluster.log().lines().filter(|line| line.contains("FATAL:")).count()
}
