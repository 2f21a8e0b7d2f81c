//! Lines as fast as a service can write them, into files that are put aside at 10 MB: how many bytes a second, how long the service
//! waits, what is lost or torn, and the memory that it takes.
use super::super::helper::{self, Moment, Stamp, millis, now};
use super::super::load::{Format, Load};
use super::super::process::{Tied, peak};
use super::super::supervisor::{self, Supervisor};
use super::super::table::{Row, Table, Target};
use super::lines::{Kept, holds, last_is_there};
use super::{Bench, tell_of_failure};
use crate::task::Failure;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::TempDir;

/// What a service writes, in bytes. Those who are slow are given a tenth.
const BYTES: u64 = 1_000_000_000;

/// The slowest is given so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// One way to keep lines.
#[derive(Clone, Copy)]
enum Keeper {
    /// The service writes into one file itself.
    File,
    /// `cat` writes into one file what the service writes into a pipe.
    Cat,
    By(Supervisor, Format),
}

/// What it came to.
struct Outcome {
    /// From the first byte until the last one is in a file.
    whole: f64,
    /// From the first byte until the service has written the last.
    service: f64,
    bytes: u64,
    kept: Option<Kept>,
    memory: Option<f64>,
}

/// All tables of this part.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let mut speed = Table::of_gain("logs: lines of 100 bytes at full speed -> all in files, rotated at 10 MB", "MB/s");
    let mut waits = Table::new("logs: the service's own time, of the time that it takes with a plain file", "times");
    let mut lost = Table::new("logs: lines lost or torn", "lines");
    let mut memory = Table::new("logs: most memory of all processes of the supervisor", "MB");
    let mut plain = f64::NAN;
    for keeper in keepers(bench) {
        let mut all = Vec::new();
        for _ in 0..bench.rounds(5).max(2) {
            match keeper.run(bench) {
                Ok(one) => all.push(one),
                Err(failure) => tell_of_failure(&mut speed, keeper.supervisor(), "logs", failure)?,
            }
        }
        let each = |of: &dyn Fn(&Outcome) -> f64| all.iter().map(of).collect::<Vec<f64>>();
        let per_byte = each(&|one| one.service / one.bytes as f64);
        if matches!(keeper, Keeper::File) {
            plain = super::super::table::median(&per_byte);
        }
        speed.add(keeper.row(each(&|one| one.bytes as f64 / 1e3 / one.whole), keeper.target()));
        let target = Target::AtMost(1.0);
        waits.add(keeper.row(per_byte.iter().map(|it| it / plain).collect(), Some(target)));
        let kept: Vec<Kept> = all.iter().filter_map(|one| one.kept).collect();
        let none = Some(Target::AtMost(0.0));
        lost.add(keeper.row_of("lost", kept.iter().map(|kept| kept.lost as f64).collect(), none));
        lost.add(keeper.row_of("torn", kept.iter().map(|kept| kept.torn as f64).collect(), none));
        memory.add(keeper.row(all.iter().filter_map(|one| one.memory).collect(), None));
    }
    speed.note("pm2 puts nothing aside by itself; honcho has no files; files that the service or cat writes are never put aside");
    Ok([speed, waits, lost, memory].map(Table::without_empty_rows).into())
}

fn keepers(bench: &Bench) -> Vec<Keeper> {
    let there = supervisor::all(bench).into_iter().filter(|it| *it != Supervisor::Honcho);
    let json = Keeper::By(Supervisor::Mainstay, Format::Json);
    let by = there.map(|supervisor| Keeper::By(supervisor, Format::Raw));
    [Keeper::File, Keeper::Cat].into_iter().chain(by).chain([json]).collect()
}

impl Keeper {
    fn supervisor(self) -> Supervisor {
        if let Self::By(supervisor, _) = self { supervisor } else { Supervisor::Bare }
    }

    fn row(self, values: Vec<f64>, target: Option<Target>) -> Row {
        self.row_of("", values, target)
    }

    fn row_of(self, what: &str, values: Vec<f64>, target: Option<Target>) -> Row {
        let (who, case) = match self {
            Self::File => ("the service", "one plain file"),
            Self::Cat => ("cat", "one plain file"),
            Self::By(supervisor, Format::Raw) => (supervisor.name(), "raw"),
            Self::By(supervisor, Format::Json) => (supervisor.name(), "JSON"),
        };
        let target = target.filter(|_| self.supervisor() == Supervisor::Mainstay);
        Row { case: format!("{case} {what}").trim_end().to_owned(), who: who.to_owned(), values, early: 0, target }
    }

    fn target(self) -> Option<Target> {
        match self {
            Self::By(_, Format::Raw) => Some(Target::AtLeast(860.0)),
            Self::By(_, Format::Json) => Some(Target::AtLeast(300.0)),
            _ => None,
        }
    }

    fn bytes(self, bench: &Bench) -> u64 {
        let slow = matches!(self, Self::By(Supervisor::Pm2, _));
        BYTES / if bench.quick { 4 } else { 1 } / if slow { 10 } else { 1 }
    }

    fn run(self, bench: &Bench) -> Result<Outcome, Failure> {
        let bytes = self.bytes(bench);
        match self {
            Self::File => plainly(bytes, false),
            Self::Cat => plainly(bytes, true),
            Self::By(supervisor, format) => supervised(bench, supervisor, format, bytes),
        }
    }
}

fn supervised(bench: &Bench, supervisor: Supervisor, format: Format, bytes: u64) -> Result<Outcome, Failure> {
    let load = Load { verb: "write", amount: Some(bytes), logs: Some(format), ..Load::idle(1) };
    let mut running = supervisor.begin_with(bench, &load, &[])?;
    let begun = running.started(1)?[0].at;
    let done = until_there(&running.logs(), bytes, begun)?;
    let stamps = running.started(2)?;
    let memory = running.own().into_iter().map(peak).sum::<u64>() as f64 / 1e6;
    let kept = Kept::below(&running.logs(), bytes)?;
    Ok(result(&stamps, done, bytes, Some(kept), Some(memory)))
}

/// The service alone, its output a file; or `cat` in between.
fn plainly(bytes: u64, cat: bool) -> Result<Outcome, Failure> {
    let dir = TempDir::new();
    let cannot = |error| Failure::Failed(format!("cannot write lines into a file: {error}"));
    std::fs::create_dir(dir.path().join("logs")).map_err(cannot)?;
    let (stamps, file) = (dir.path().join("stamps"), dir.path().join("logs/all"));
    let mut words = helper::words("write", &stamps, "write");
    words.push(bytes.to_string());
    let into = File::create(&file).map_err(cannot)?;
    let output = if cat { Stdio::piped() } else { Stdio::from(into.try_clone().map_err(cannot)?) };
    let mut service = Tied(Command::new(&words[0]).args(&words[1..]).stdout(output).spawn().map_err(cannot)?);
    let pipe = service.0.stdout.take();
    let cat = pipe.map(|pipe| Command::new("cat").stdin(pipe).stdout(into).spawn()).transpose().map_err(cannot)?;
    let _cat = cat.map(Tied);
    let begun = first_of(&stamps, 1)?[0].at;
    let done = until_there(&dir.path().join("logs"), bytes, begun)?;
    Ok(result(&first_of(&stamps, 2)?, done, bytes, None, None))
}

fn first_of(file: &Path, starts: usize) -> Result<Vec<Stamp>, Failure> {
    let begun = now();
    loop {
        let stamps = helper::stamps(file);
        if stamps.len() >= starts {
            return Ok(stamps);
        }
        if millis(begun, now()) > PATIENCE.as_secs_f64() * 1e3 {
            return Err(Failure::Failed("the service did not write its lines".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn result(stamps: &[Stamp], done: Moment, bytes: u64, kept: Option<Kept>, memory: Option<f64>) -> Outcome {
    let begun = stamps[0].at;
    Outcome { whole: millis(begun, done), service: millis(begun, stamps[1].at), bytes, kept, memory }
}

/// When the last line is in a file: so many bytes are there at least, and then that line.
fn until_there(dir: &Path, bytes: u64, begun: Moment) -> Result<Moment, Failure> {
    loop {
        let there = holds(dir);
        if there >= bytes * 9 / 10 && last_is_there(dir, bytes) {
            return Ok(now());
        }
        if millis(begun, now()) > PATIENCE.as_secs_f64() * 1e3 {
            return Err(Failure::Failed(format!(
                "{there} bytes of {bytes} are in its files after {} s",
                PATIENCE.as_secs()
            )));
        }
        std::thread::sleep(Duration::from_millis(if there == 0 { 1 } else { 4 }));
    }
}
