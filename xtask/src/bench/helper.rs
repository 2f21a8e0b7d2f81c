//! The program that is waited for and supervised: a small one in C, linked statically, so that next to nothing of what is measured
//! is its own start. It notes the moment at which it runs.
use crate::task::{Done, Failure, step};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("child.c");

/// Notes the moment and ends.
pub(super) const STAMP: &str = "stamp";
/// Notes the moment and stays, doing nothing.
pub(super) const IDLE: &str = "idle";

/// Nanoseconds of CLOCK_MONOTONIC: the same for every process of the machine, whatever its namespace but that of time.
pub(super) type Moment = i64;

/// One start of the helper.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) at: Moment,
}

/// Compiles it; what is measured starts it later.
pub(super) fn make() -> Done {
    let source = program().with_extension("c");
    std::fs::create_dir_all(super::directory())
        .and_then(|()| std::fs::write(&source, SOURCE))
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", source.display())))?;
    let mut compile = Command::new("cc");
    compile.args(["-O2", "-static", "-o"]).arg(program()).arg(source);
    step("compile what is supervised", compile)
}

fn program() -> PathBuf {
    super::directory().join("child")
}

/// This moment.
pub(super) fn now() -> Moment {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// From one moment to another.
pub(super) fn millis(from: Moment, to: Moment) -> f64 {
    (to - from) as f64 / 1e6
}

/// The words that start the helper: to be given to whoever starts it.
pub(super) fn words(verb: &str, file: &Path, name: &str) -> Vec<String> {
    let (program, file) = (program().display().to_string(), file.display().to_string());
    vec![program, verb.to_owned(), file, name.to_owned()]
}

/// The same as a line for a shell. Paths with quotes in them are not supported.
pub(super) fn line(verb: &str, file: &Path, name: &str) -> String {
    words(verb, file, name).iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

/// The starts that a file tells of, in order. A line that is still being written is left out.
pub(super) fn stamps(file: &Path) -> Vec<Stamp> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).filter_map(stamp).collect()
}

fn stamp(line: &str) -> Option<Stamp> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    Some(Stamp { name, pid: words.next()?.parse().ok()?, at: words.next()?.parse().ok()? })
}

/// Milliseconds from our starting one helper until it runs: nobody can be quicker on this machine.
pub(super) fn floor(dir: &Path) -> Result<f64, Failure> {
    let file = dir.join("floor");
    File::create(&file).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
    let mut took: Vec<f64> = Vec::new();
    for _ in 0..11 {
        let words = words(STAMP, &file, "floor");
        let begun = now();
        let status = Command::new(&words[0]).args(&words[1..]).status();
        status.map_err(|error| Failure::Failed(format!("cannot run {}: {error}", words[0])))?;
        took.extend(stamps(&file).last().map(|stamp| millis(begun, stamp.at)));
    }
    Ok(super::table::median(&took))
}
