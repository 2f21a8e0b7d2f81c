//! Which SQLite the application has: some can damage a database.

use super::{check_of, with_hint};
use crate::start::World;
use config::Target;
use database::sqlite::Library;
use host::{fs, proc::Process};
use report::{Check, Verdict};
use std::path::Path;

/// No program or library that is looked into is larger.
const LARGEST: u64 = 128 << 20;
const HINT: &str = "give the application SQLite 3.51.3 or newer (or 3.50.7, 3.44.6): with a write-ahead log, two connections that write at \
    the same instant can lose what was written (https://www.sqlite.org/wal.html#walresetbug)";

/// A line for each database that is a file.
pub(super) fn look(world: &World) -> Vec<Check> {
    let databases = world.app.dependencies.iter();
    let files =
        databases.filter_map(|it| if let Target::Sqlite(path) = &it.target { Some((&it.name, path)) } else { None });
    files.map(|(name, path)| one(&format!("SQLite of {name}"), path)).collect()
}

fn one(subject: &str, path: &Path) -> Check {
    let seen: Vec<_> = fs::openers(path).into_iter().map(|pid| (pid, library(Process::new(pid)))).collect();
    let told: Vec<_> = seen.iter().map(|(pid, library)| told(*pid, *library)).collect();
    let (told, unknown) = (told.join("; "), seen.iter().any(|(_, library)| library.is_none()));
    let bug = seen.iter().filter_map(|(_, library)| *library).any(Library::has_reset_bug);
    match (seen.is_empty(), bug && with_log(path), unknown) {
        (true, ..) => check_of(subject, Verdict::Skipped, "no process that we may look at has it open"),
        // A warning: it needs two who write at the same instant.
        (_, true, _) => {
            with_hint(check_of(subject, Verdict::Pass, format!("{told}, which has the WAL-reset bug")), HINT)
        }
        (_, _, true) if with_log(path) => check_of(subject, Verdict::CouldNotVerify, told),
        _ => check_of(subject, Verdict::Pass, told),
    }
}

/// As long as somebody has a database with a write-ahead log open, the log lies beside it.
fn with_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(Path::new(&log)).is_ok()
}

fn told(pid: u32, library: Option<Library>) -> String {
    match library {
        Some(library) => format!("process {pid} has {library}"),
        None => format!("process {pid} has a version that cannot be seen"),
    }
}

/// The library itself first, then whatever else may have it inside.
fn library(process: Process) -> Option<Library> {
    let mut code = process.code();
    code.sort_by_key(|file| !named(file));
    code.iter().find_map(|file| Library::inside(&fs::read(file, LARGEST).ok()?))
}

fn named(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().contains("sqlite"))
}
