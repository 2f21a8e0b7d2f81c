//! From `git push` until the new version answers: what of that is git, what the application, and what mainstay itself.
use super::super::helper::{Moment, millis, now};
use super::super::table::{OURS, Table, Target, median};
use super::super::{Bench, machine};
use super::{front::App, row, site::Site};
use crate::task::Failure;
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::TempDir;

/// What mainstay may take of it, in milliseconds.
const MOST: f64 = 300.0;
/// Nothing that is measured takes longer.
const LIMIT_MS: f64 = 60_000.0;

/// All of it, in milliseconds.
#[derive(Default)]
struct Seen {
    live: Vec<f64>,
    whole: Vec<f64>,
    git: Vec<f64>,
    start: Vec<f64>,
    steps: BTreeMap<String, Vec<f64>>,
    order: Vec<String>,
}

pub(super) fn measure(bench: &Bench) -> Result<Table, Failure> {
    let (site, mut seen) = (Site::start(&bench.mainstay)?, Seen::default());
    for round in 1..=bench.rounds(20) {
        seen.push(&site, &format!("v{round}"))?;
    }
    let mut table = Table::new("release: git push -> live, nothing to build", "ms");
    let (git, start) = (median(&seen.git), median(&seen.start));
    let own = seen.live.iter().map(|live| live - git - start);
    table.add(row("of it mainstay", OURS, own, Some(Target::AtMost(MOST))));
    table.add(row("push -> live", OURS, seen.live, None));
    table.add(row("push -> end", OURS, seen.whole, None));
    table.add(row("the push alone", "git", seen.git, None));
    table.add(row("the start alone", "nginx", seen.start, None));
    for step in &seen.order {
        table.add(row(&format!("step {step}"), OURS, seen.steps.remove(step).unwrap_or_default(), None));
    }
    table.note(
        "live: another process gets the new page; of it mainstay: without the medians of the push and the start alone",
    );
    table.note("steps as the record has them; between the push and the first one: the hook, and the start of `mainstay deploy`");
    table.note(machine::line());
    Ok(table)
}

impl Seen {
    fn push(&mut self, site: &Site, version: &str) -> Result<(), Failure> {
        site.commit(version)?;
        let begun = now();
        site.push_plainly()?;
        self.git.push(millis(begun, now()));
        self.start.push(App::start_alone(&TempDir::new())?);
        let begun = now();
        let (pushed, live) = std::thread::scope(|scope| {
            let live = scope.spawn(|| live_since(site, version, begun));
            (site.push(), live.join())
        });
        pushed?;
        self.whole.push(millis(begun, now()));
        let live = live.ok().flatten().ok_or_else(|| Failure::Failed(format!("{version} never answered")))?;
        self.live.push(millis(begun, live));
        for (step, took) in site.steps()? {
            if !self.order.contains(&step) {
                self.order.push(step.clone());
            }
            self.steps.entry(step).or_default().push(took);
        }
        Ok(())
    }
}

fn live_since(site: &Site, version: &str, begun: Moment) -> Option<Moment> {
    while millis(begun, now()) < LIMIT_MS {
        if site.serves(version) {
            return Some(now());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}
