//! A thousand small migrations: applied to an empty database, and looked at when nothing is pending; beside other tools.
mod database;
mod files;
mod floor;
mod memory;
mod runner;
mod syncs;

use super::helper::{millis, now};
use super::table::{OURS, Row, Table, Target};
use super::{Bench, machine};
use crate::task::Failure;
use database::{Database, Engine};
use runner::Runner;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use testkit::{Cluster, TempDir};

/// Migrations of each tool.
const FILES: usize = 1000;

/// Where all is measured: one server with the settings for durability that it comes with, one disk.
struct Field {
    server: Cluster,
    dir: TempDir,
}

/// A tool that is here, with its files.
struct Contestant {
    runner: Runner,
    program: PathBuf,
    files: PathBuf,
}

/// What a contestant came to on one engine.
struct Lane<'a> {
    contestant: &'a Contestant,
    database: Database,
    cold: Vec<f64>,
    again: Vec<f64>,
}

/// Four tables.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Table>, Failure> {
    let field = Field::open();
    let contestants = field.contestants(bench)?;
    let mut cold = Table::new(format!("migrate: {FILES} small files, empty database, the whole process"), "ms");
    let mut again = Table::new(format!("migrate: nothing pending of {FILES} files, the whole process"), "ms");
    for engine in Engine::ALL {
        let lanes = field.race(bench, engine, &contestants, &mut cold)?;
        for lane in lanes {
            cold.add(lane.row(lane.cold.clone(), Target::ShareOfBest(0.5)));
            again.add(lane.row(lane.again.clone(), Target::AtMost(engine.most())));
        }
    }
    note(&contestants, &mut cold);
    again.note(machine::line());
    let syncs = syncs::measure(&field, &contestants)?;
    Ok(vec![cold, again, syncs, memory::measure(bench, &field)?])
}

fn note(contestants: &[Contestant], table: &mut Table) {
    let versions: Vec<String> = contestants.iter().map(Contestant::version).collect();
    table.note(versions.join(", "));
    let missing: Vec<&str> = Runner::ALL
        .into_iter()
        .filter(|runner| contestants.iter().all(|it| it.runner != *runner))
        .map(Runner::name)
        .collect();
    if !missing.is_empty() {
        table.note(format!("not here: {} (`--peers` fetches them)", missing.join(", ")));
    }
    table.note("a file creates one table; every tool as it comes, on PostgreSQL without TLS");
    table.note("dbmate without the wrapper of its npm package, which starts Node first");
    table.note(machine::line());
}

impl Field {
    /// The test kit's clusters save themselves the disk; this one does not.
    fn open() -> Self {
        let server = Cluster::builder().conf("fsync = on").conf("shared_buffers = 128MB").start();
        Self { server, dir: TempDir::new() }
    }

    fn contestants(&self, bench: &Bench) -> Result<Vec<Contestant>, Failure> {
        let here = Runner::ALL.into_iter().filter_map(|runner| Some((runner, runner.program(bench)?)));
        let with_files = |(runner, program): (Runner, PathBuf)| {
            let files = self.dir.path().join("files").join(runner.name());
            files::write(&files, runner, FILES)?;
            Ok(Contestant { runner, program, files })
        };
        here.map(with_files).collect()
    }

    /// All in turn, round by round, so that what the machine does meanwhile meets all.
    fn race<'a>(
        &self,
        bench: &Bench,
        engine: Engine,
        contestants: &'a [Contestant],
        notes: &mut Table,
    ) -> Result<Vec<Lane<'a>>, Failure> {
        let mut lanes = contestants.iter().map(|it| Lane::new(self, engine, it)).collect::<Result<Vec<_>, _>>()?;
        let (cold, again) = (bench.rounds(5), bench.rounds(30));
        println!("  {}: {cold} rounds cold, {again} with nothing pending", engine.name());
        let mut floor = Vec::new();
        for number in 0..cold {
            in_turn(&mut lanes, number, cold, notes, |lane| lane.run_cold(self));
            if engine == Engine::Postgres {
                floor.push(floor::measure(self));
            }
        }
        if let Some(least) = floor.into_iter().reduce(f64::min) {
            notes.note(format!(
                "postgres: the server needs {least:.0} ms for the statements, in one transaction and without a ledger"
            ));
        }
        for number in 0..again {
            in_turn(&mut lanes, number, again, notes, |lane| lane.run_again(self));
        }
        Ok(lanes)
    }
}

fn in_turn(
    lanes: &mut [Lane<'_>],
    number: usize,
    rounds: usize,
    notes: &mut Table,
    run: impl Fn(&mut Lane<'_>) -> Result<(), Failure>,
) {
    for lane in lanes.iter_mut().filter(|lane| number < lane.contestant.runner.rounds(rounds)) {
        // The rest is worth having all the same.
        if let Err(Failure::Usage(why) | Failure::Failed(why)) = run(lane) {
            notes.note(format!("a round without result: {why}"));
        }
    }
}

impl<'a> Lane<'a> {
    fn new(field: &Field, engine: Engine, contestant: &'a Contestant) -> Result<Self, Failure> {
        let database = Database::empty(field, engine, contestant.runner)?;
        Ok(Self { contestant, database, cold: Vec::new(), again: Vec::new() })
    }

    fn run_cold(&mut self, field: &Field) -> Result<(), Failure> {
        self.database = Database::empty(field, self.database.engine(), self.contestant.runner)?;
        let took = self.contestant.run(&self.database, field.dir.path())?;
        self.database.must_hold(field, FILES)?;
        self.cold.push(took);
        Ok(())
    }

    /// On the database of the last cold round.
    fn run_again(&mut self, field: &Field) -> Result<(), Failure> {
        let took = self.contestant.run(&self.database, field.dir.path())?;
        self.again.push(took);
        Ok(())
    }

    fn row(&self, values: Vec<f64>, target: Target) -> Row {
        let who = self.contestant.runner.name();
        let case = self.database.engine().name().to_owned();
        Row { case, who: who.to_owned(), values, early: 0, target: (who == OURS).then_some(target) }
    }
}

impl Contestant {
    /// Milliseconds from our starting the process until it has ended well.
    fn run(&self, database: &Database, dir: &Path) -> Result<f64, Failure> {
        let log = dir.join("log");
        let mut command = self.command(database, &log)?;
        let begun = now();
        let status = command.status();
        let took = millis(begun, now());
        match status {
            Ok(status) if status.success() => Ok(took),
            status => Err(Failure::Failed(format!("{}: {status:?}; it said\n{}", self.runner.name(), said(&log)))),
        }
    }

    /// What it says goes into a file.
    fn command(&self, database: &Database, log: &Path) -> Result<Command, Failure> {
        self.command_by(&[], database, log)
    }

    /// The same, started by another program.
    fn command_by(&self, by: &[String], database: &Database, log: &Path) -> Result<Command, Failure> {
        let words = [by, &self.runner.words(&self.program, &self.files, database)].concat();
        let cannot = |error| Failure::Failed(format!("cannot write {}: {error}", log.display()));
        let out = File::create(log).map_err(cannot)?;
        let err = out.try_clone().map_err(cannot)?;
        let mut command = Command::new(&words[0]);
        let home = log.parent().unwrap_or(log);
        command.args(&words[1..]).current_dir(home).env_clear().env("PATH", path()).env("HOME", home);
        command.env("DATABASE_URL", self.runner.url(database)).stdin(Stdio::null()).stdout(out).stderr(err);
        Ok(command)
    }

    fn version(&self) -> String {
        let output = Command::new(&self.program).arg("--version").output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let version = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        format!("{} {}", self.runner.name(), version.unwrap_or("of unknown version"))
    }
}

/// The end of it: a backtrace may be long.
fn said(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned())
}
