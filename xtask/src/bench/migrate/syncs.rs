//! How often a thousand files wait for the disk: counted, not believed.
use super::database::{Database, Engine};
use super::{Contestant, FILES, Field, said};
use crate::bench::table::{Row, Table};
use crate::task::{Failure, works};
use std::path::Path;
use std::time::Duration;
use testkit::wait_until;

/// One run of each on each engine.
pub(super) fn measure(field: &Field, contestants: &[Contestant]) -> Result<Table, Failure> {
    let mut table = Table::new(format!("migrate: waits for the disk, {FILES} files, empty database"), "syncs");
    let strace = works("strace", &["-V"]);
    for engine in Engine::ALL.into_iter().filter(|engine| strace || *engine == Engine::Postgres) {
        println!("  {}: waits for the disk", engine.name());
        for contestant in contestants {
            let database = Database::empty(field, engine, contestant.runner)?;
            match count(field, contestant, &database) {
                Ok(syncs) => table.add(row(engine, contestant, syncs)),
                Err(Failure::Usage(why) | Failure::Failed(why)) => table.note(format!("not counted: {why}")),
            }
        }
    }
    table.note("as many as files or more: the tool waits for each file; a few: it waits at the end for all");
    table.note("postgres: syncs of the log by the whole server, by its own statistics");
    table.note("sqlite: fsync and fdatasync of the process, by strace");
    if !strace {
        table.note("sqlite: not counted, `strace` is not here");
    }
    Ok(table)
}

fn row(engine: Engine, contestant: &Contestant, syncs: u64) -> Row {
    let who = contestant.runner.name().to_owned();
    Row { case: engine.name().to_owned(), who, values: vec![syncs as f64], early: 0, target: None }
}

fn count(field: &Field, contestant: &Contestant, database: &Database) -> Result<u64, Failure> {
    match database {
        Database::Postgres { name, .. } => {
            let before = of_server(field);
            contestant.run(database, field.dir.path())?;
            all_left(field, name);
            Ok(of_server(field).saturating_sub(before))
        }
        Database::Sqlite { .. } => of_process(contestant, database, field.dir.path()),
    }
}

/// A backend reports what it did when it ends at the latest.
fn all_left(field: &Field, database: &str) {
    let there = format!("select count(*) from pg_stat_activity where datname = '{database}'");
    wait_until(Duration::from_secs(10), "sessions of a tool that has ended", || field.server.psql(&there) == "0");
}

/// PostgreSQL manual, "The Cumulative Statistics System": the counter moved in version 18.
fn of_server(field: &Field) -> u64 {
    let version: u32 = field.server.psql("show server_version_num").parse().unwrap_or_default();
    let counter = match version {
        180_000.. => "select coalesce(sum(fsyncs), 0) from pg_stat_io where object = 'wal'",
        _ => "select wal_sync from pg_stat_wal",
    };
    field.server.psql(counter).parse().unwrap_or_default()
}

fn of_process(contestant: &Contestant, database: &Database, dir: &Path) -> Result<u64, Failure> {
    let (trace, log) = (dir.join("trace"), dir.join("log"));
    let _ = std::fs::remove_file(&trace);
    let strace = ["strace", "--follow-forks", "--seccomp-bpf", "--trace=fsync,fdatasync", "--output"];
    let by: Vec<String> = strace.map(str::to_owned).into_iter().chain([trace.display().to_string()]).collect();
    let status = contestant.command_by(&by, database, &log)?.status();
    if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Err(Failure::Failed(format!("{} below strace: {status:?}\n{}", contestant.runner.name(), said(&log))));
    }
    let text = std::fs::read_to_string(&trace).unwrap_or_default();
    // A call that another thread interrupts has two lines.
    Ok(text.lines().filter(|line| line.contains("sync(") && !line.contains("resumed")).count() as u64)
}
