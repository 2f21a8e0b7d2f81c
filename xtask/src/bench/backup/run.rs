//! One copy, taken beside the writer, and what it cost.
use super::field::Field;
use super::pgbackrest;
use super::way::Way;
use super::writer::{Seen, Writer};
use crate::bench::Bench;
use crate::bench::helper::{millis, now};
use crate::bench::process::{Tied, family, peak};
use crate::task::Failure;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Between two looks at its processes; what one has used at most, the kernel keeps until it ends.
const LOOK: Duration = Duration::from_millis(10);

/// What a copy came to.
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) bytes: u64,
    pub(super) memory: Memory,
    pub(super) writer: Seen,
}

/// Peaks of resident memory in bytes, shared pages included.
#[derive(Default)]
pub(super) struct Memory {
    /// Of the program that was started.
    pub(super) own: u64,
    /// Of the largest of its children of each name.
    children: BTreeMap<String, u64>,
}

impl Run {
    /// Fails when it has not ended well within `limit`.
    pub(super) fn of(bench: &Bench, field: &Field, way: Way, limit: Duration) -> Result<Self, Failure> {
        let to = field.room()?;
        field.settle();
        let writer = Writer::begin(field)?;
        let copied = copy(&way.words(bench, field, &to), field, way, limit);
        std::thread::sleep(super::AFTER);
        let seen = writer.end()?;
        let (seconds, memory) = copied?;
        let stored = if way == Way::PgBackRest { pgbackrest::repository(field).join("backup") } else { to };
        Ok(Self { seconds, bytes: size(&stored), memory, writer: seen })
    }
}

fn copy(words: &[String], field: &Field, way: Way, limit: Duration) -> Result<(f64, Memory), Failure> {
    let log = field.dir.path().join("log");
    let cannot = |error| Failure::Failed(format!("cannot start {}: {error}", way.name()));
    let out = File::create(&log).map_err(cannot)?;
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir(field.dir.path())
        .env_clear()
        .env("PATH", path())
        .env("HOME", field.dir.path());
    command.stdin(Stdio::null()).stdout(out.try_clone().map_err(cannot)?).stderr(out);
    let begun = now();
    let mut process = Tied(command.spawn().map_err(cannot)?);
    let mut memory = Memory::default();
    while !process.ended() {
        memory.look(process.pid());
        if millis(begun, now()) > limit.as_secs_f64() * 1e3 {
            let text = format!(
                "{}, {}: had not ended after {} s beside the writer",
                field.case(),
                way.name(),
                limit.as_secs()
            );
            return Err(Failure::Failed(text));
        }
        std::thread::sleep(LOOK);
    }
    let seconds = millis(begun, now()) / 1e3;
    match process.0.wait() {
        Ok(status) if status.success() => Ok((seconds, memory)),
        status => {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Err(Failure::Failed(format!("{}, {}: {status:?}; it said\n{said}", field.case(), way.name())))
        }
    }
}

impl Memory {
    fn look(&mut self, pid: u32) {
        self.own = self.own.max(peak(pid));
        for child in family(pid).into_iter().skip(1) {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            if !name.is_empty() {
                let most = self.children.entry(name.trim().to_owned()).or_default();
                *most = (*most).max(peak(child));
            }
        }
    }
}

/// `own 41 MB; largest pg_dump 12 MB, postgres 93 MB`
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "own {:.0} MB", self.own as f64 / 1e6)?;
        let children = self.children.iter().map(|(name, bytes)| format!("{name} {:.0} MB", *bytes as f64 / 1e6));
        let children: Vec<_> = children.collect();
        if children.is_empty() { Ok(()) } else { write!(f, "; largest of its children: {}", children.join(", ")) }
    }
}

/// Of all files below.
fn size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => size(&entry.path()),
            Ok(facts) => facts.len(),
            Err(_) => 0,
        })
        .sum()
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned())
}
