//! What an earlier life of the same mainstay has left running: it was killed, its children with it, but not theirs.

use super::{mark::service_of, one::One};
use crate::proc::{self, Process};
use std::{collections::BTreeSet, io, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two looks whether they are gone.
const LOOK: Duration = Duration::from_millis(5);

/// After `SIGKILL` only the kernel holds a process, for instance at a disk that does not answer.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// A process of an earlier life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    one: One,
    /// The program, as /proc/PID/stat has it.
    pub program: String,
    /// The service for which it was started.
    pub service: String,
}

impl Leftover {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.one.process.pid
    }
}

/// Everybody who bears the mark of `instance` and is neither we, nor above us, nor below us.
pub fn leftovers(instance: &str) -> Vec<Leftover> {
    // In this order: who is born in between is not among all, and not taken for a stranger.
    let mut marked: Vec<_> = proc::all().into_iter().filter_map(|process| leftover(process, instance)).collect();
    if !marked.is_empty() {
        let kin = kin();
        // One of ours that has ended meanwhile is nobody's kin any more.
        marked.retain(|it| !kin.contains(&it.one.process) && it.one.is_running());
    }
    marked
}

/// Ends them: politely, and after `grace` by `SIGKILL`. Those that they start meanwhile too. Answers with who is still there.
///
/// # Errors
/// They may not be signalled, being somebody else's.
pub async fn end_leftovers(instance: &str, grace: Duration) -> io::Result<Vec<Leftover>> {
    let kill_at = Instant::now() + grace;
    let mut told = BTreeSet::new();
    loop {
        let left = leftovers(instance);
        let now = Instant::now();
        if left.is_empty() || now >= kill_at + KILL_PATIENCE {
            return Ok(left);
        }
        let signal = if now < kill_at { libc::SIGTERM } else { libc::SIGKILL };
        for leftover in left.iter().filter(|it| signal == libc::SIGKILL || !told.contains(&it.pid())) {
            leftover.one.signal(signal)?;
        }
        told.extend(left.iter().map(Leftover::pid));
        sleep(LOOK).await;
    }
}

fn leftover(process: Process, instance: &str) -> Option<Leftover> {
    let service = service_of(process, instance)?;
    let stat = process.stat().filter(|stat| !stat.has_ended())?;
    Some(Leftover { one: One::new(process, &stat), program: stat.name, service })
}

/// We, those above us and those below us.
fn kin() -> BTreeSet<Process> {
    let this = Process::this();
    let above = std::iter::successors(Some(this), |process| process.parent());
    above.chain(super::family::Tree::now().below(vec![this])).collect()
}
