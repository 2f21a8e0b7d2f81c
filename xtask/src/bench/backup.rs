//! Copies of a busy database: proven ones beside those that nobody has looked at.
mod field;
mod pgbackrest;
mod run;
mod way;
mod writer;

use super::table::{OURS, Row, Table, Target, median};
use super::{Bench, machine};
use crate::setup::Need;
use crate::task::{Failure, works};
use field::{Engine, Field};
use run::Run;
use std::time::Duration;
use way::Way;
use writer::Writer;

/// What to compare with, beside what PostgreSQL and SQLite bring.
pub(crate) const NEEDS: &[Need] =
    &[Need { program: "pgbackrest", package: "pgbackrest", found: || works("pgbackrest", &["version"]) }];

/// What one can be measured alone.
pub(super) const PARTS: [&str; 2] = ["postgresql", "sqlite"];
/// A copy that takes longer is given up, and told so.
const LIMIT: Duration = Duration::from_secs(600);
/// The same for one that never ends beside a writer: so many times as long as ours took, and never less than this.
const PATIENCE: f64 = 5.0;
const LEAST: Duration = Duration::from_secs(15);
/// The writer goes on for so long after the end, for who cleans up behind him may be in his way.
const AFTER: Duration = Duration::from_millis(500);
/// So long it writes alone, for comparison.
const ALONE: Duration = Duration::from_secs(3);
/// A writer of SQLite may wait for a copy for so many milliseconds.
const STALL: f64 = 5.0;
/// Nobody copies meanwhile.
const NOBODY: &str = "(no copy)";

/// What one way came to.
struct Lane {
    way: Way,
    runs: Vec<Run>,
}

/// The six tables of all engines.
struct Tables {
    time: Table,
    size: Table,
    memory: Table,
    stall: Table,
    held: Table,
    writes: Table,
}

/// Side by side, each beside the same writer.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut tables = Tables::empty();
    for engine in Engine::ALL.into_iter().filter(|engine| bench.only.is_none_or(|only| only == engine.name())) {
        let bytes = if bench.quick { 100 << 20 } else { 1 << 30 };
        let field = Field::make(engine, bytes)?;
        let alone = tables.alone(&field)?;
        let lanes = race(bench, &field, &mut tables)?;
        lanes.iter().for_each(|lane| tables.add(&field, lane, alone));
    }
    Ok(tables.done())
}

fn race(bench: &Bench, field: &Field, tables: &mut Tables) -> Result<Vec<Lane>, Failure> {
    let mut lanes = Vec::new();
    for way in Way::of(field.engine).iter().copied() {
        match way.prepare(field) {
            Ok(()) => lanes.push(Lane { way, runs: Vec::new() }),
            Err(Failure::Usage(why) | Failure::Failed(why)) => {
                tables.time.note(format!("left out: {} ({why})", way.name()));
            }
        }
    }
    for number in 0..bench.rounds(3) {
        let mut limit = LIMIT;
        for lane in &mut lanes {
            println!("  {}: {}, round {}", field.case(), lane.way.name(), number + 1);
            match Run::of(bench, field, lane.way, limit) {
                Ok(run) => {
                    if lane.way == Way::Mainstay {
                        limit = LEAST.max(Duration::from_secs_f64(run.seconds * PATIENCE)).min(LIMIT);
                    }
                    lane.runs.push(run);
                }
                // The rest is worth having all the same.
                Err(Failure::Usage(why) | Failure::Failed(why)) => tables.time.note(why),
            }
        }
    }
    Ok(lanes)
}

impl Tables {
    fn empty() -> Self {
        Self {
            time: Table::new("backup: time to a copy, beside a writer", "s"),
            size: Table::new("backup: size of the copy", "MB"),
            memory: Table::new("backup: most memory of its own process", "MB"),
            stall: Table::new("backup: longest transaction of the writer", "ms"),
            held: Table::new("backup: the same less that without a copy: so long a copy holds it up", "ms"),
            writes: Table::of_gain("backup: transactions of the writer meanwhile", "1/s"),
        }
    }

    /// What the writer comes to when nobody copies: no copy can be held to more.
    fn alone(&mut self, field: &Field) -> Result<f64, Failure> {
        let writer = Writer::begin(field)?;
        std::thread::sleep(ALONE);
        let seen = writer.end()?;
        let row =
            |value| Row { case: field.case(), who: NOBODY.to_owned(), values: vec![value], early: 0, target: None };
        self.stall.add(row(seen.longest_ms));
        self.writes.add(row(seen.per_second));
        Ok(seen.longest_ms)
    }

    /// `alone`: the longest transaction of the writer when nobody copies.
    fn add(&mut self, field: &Field, lane: &Lane, alone: f64) {
        let ours = lane.way == Way::Mainstay;
        let row = |of: fn(&Run) -> f64, target: Option<Target>| Row {
            case: field.case(),
            who: lane.way.name().to_owned(),
            values: lane.runs.iter().map(of).collect(),
            early: 0,
            target: target.filter(|_| ours),
        };
        let gzip = (field.engine == Engine::Postgres).then_some(Target::Below(Way::Gzip.name()));
        let still = (field.engine == Engine::Sqlite).then_some(Target::AtMost(STALL));
        self.time.add(row(|run| run.seconds, gzip));
        self.size.add(row(|run| run.bytes as f64 / 1e6, None));
        self.memory.add(row(|run| run.memory.own as f64 / 1e6, Some(Target::AtMost(64.0))));
        self.stall.add(row(|run| run.writer.longest_ms, None));
        let held = |run: &Run| (run.writer.longest_ms - alone).max(0.0);
        self.held.add(Row { values: lane.runs.iter().map(held).collect(), ..row(|run| run.writer.longest_ms, still) });
        self.writes.add(row(|run| run.writer.per_second, None));
        if let Some(run) = lane.runs.last() {
            self.memory.note(format!("{}, {}: {}", field.case(), lane.way.name(), run.memory));
        }
        let late = median(&lane.runs.iter().map(|run| run.writer.late_ms).collect::<Vec<_>>());
        self.stall.note(format!("{}, {}: 99.9 % within {late:.2} ms", field.case(), lane.way.name()));
    }

    fn done(mut self) -> Vec<Table> {
        self.time.note(format!(
            "{OURS}: VERIFIED, that is stored, read back, restored and compared with the source at that instant"
        ));
        self.time.note(
            "of what the others write nothing is proven; pgBackRest compares the checksums of pages that it reads",
        );
        self.time.note(format!(
            "{OURS} has written the copy through to the disk when it ends; the others leave that to the system"
        ));
        self.stall.note(format!("{} has no copy beside; the writer is watched for {AFTER:?} longer; what he waited for a processor is left out", NOBODY));
        self.writes.note("one transaction a millisecond at most");
        self.time.note(machine::line());
        vec![
            self.time,
            self.size,
            self.memory,
            self.stall.without_empty_rows(),
            self.held.without_empty_rows(),
            self.writes.without_empty_rows(),
        ]
    }
}
