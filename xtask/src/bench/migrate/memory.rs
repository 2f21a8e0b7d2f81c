//! Our own memory: it is not to grow with the number of files.
use super::database::{Database, Engine};
use super::{Contestant, FILES, Field, Runner, files, said};
use crate::bench::process::{Tied, peak};
use crate::bench::table::{OURS, Row, Table, Target, median};
use crate::bench::{Bench, machine};
use crate::task::Failure;
use std::time::{Duration, Instant};

/// What counts as flat: the peak with so many files against that with the fewest.
const COUNTS: [usize; 3] = [10, FILES, 10 * FILES];
const FLAT: f64 = 1.25;
/// A run that takes longer is left out.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks; what a process has used at most, the kernel keeps until the process ends.
const LOOK: Duration = Duration::from_millis(1);

/// Peaks with few and with many files.
pub(super) fn measure(bench: &Bench, field: &Field) -> Result<Table, Failure> {
    let mut table = Table::new("migrate: peak of resident memory, empty database", "MB");
    for engine in Engine::ALL {
        println!("  {}: memory", engine.name());
        let mut fewest = None;
        for count in COUNTS {
            let contestant = ours(bench, field, count)?;
            match peaks(bench, field, engine, &contestant)? {
                Some(peaks) => {
                    let most = FLAT * *fewest.get_or_insert(median(&peaks));
                    table.add(row(engine, count, peaks, most));
                }
                None => table.note(format!("{}, {count} files: not done after {LIMIT:?}", engine.name())),
            }
        }
    }
    table.note(format!("flat: no more than {FLAT} times that of the fewest files; shared pages of the program count"));
    table.note(machine::line());
    Ok(table)
}

fn row(engine: Engine, count: usize, values: Vec<f64>, most: f64) -> Row {
    let target = (count != COUNTS[0]).then_some(Target::AtMost(most));
    Row { case: format!("{}, {count} files", engine.name()), who: OURS.to_owned(), values, early: 0, target }
}

fn ours(bench: &Bench, field: &Field, count: usize) -> Result<Contestant, Failure> {
    let files = field.dir.path().join("files").join(format!("{OURS}-{count}"));
    if !files.exists() {
        files::write(&files, Runner::Mainstay, count)?;
    }
    Ok(Contestant { runner: Runner::Mainstay, program: bench.mainstay.clone(), files })
}

/// Nothing when a run takes too long.
fn peaks(bench: &Bench, field: &Field, engine: Engine, ours: &Contestant) -> Result<Option<Vec<f64>>, Failure> {
    (0..bench.rounds(3)).map(|_| one(&Database::empty(field, engine, ours.runner)?, field, ours)).collect()
}

fn one(database: &Database, field: &Field, ours: &Contestant) -> Result<Option<f64>, Failure> {
    let log = field.dir.path().join("log");
    let mut command = ours.command(database, &log)?;
    let mut process = Tied(command.spawn().map_err(|error| Failure::Failed(format!("cannot start {OURS}: {error}")))?);
    let (begun, mut bytes) = (Instant::now(), 0);
    while !process.ended() {
        bytes = bytes.max(peak(process.pid()));
        if begun.elapsed() > LIMIT {
            return Ok(None);
        }
        std::thread::sleep(LOOK);
    }
    match process.0.wait() {
        Ok(status) if status.success() => Ok(Some(bytes as f64 / 1e6)),
        status => Err(Failure::Failed(format!("{OURS}: {status:?}; it said\n{}", said(&log)))),
    }
}
