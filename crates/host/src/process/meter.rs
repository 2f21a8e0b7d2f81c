//! What a child and all who descend from it use, looked at only when somebody asks.

use super::{
    family::{Family, Tree},
    group::Household,
};
use crate::{
    proc::{self, Process},
    reaper::Reaper,
};
use std::{
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

/// Tells what a child and all who descend from it use. It does not keep them alive, and costs nothing until it is asked.
#[derive(Clone)]
pub struct Meter {
    leader: u32,
    reaper: Reaper,
    household: Weak<Household>,
}

/// What a child and all who descend from it use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time so far. Where there is no control group, who has ended is in it only if its parent has waited for it.
    pub cpu: Duration,
    /// Memory; nothing when it may not be seen.
    pub memory: Option<Memory>,
    /// Open files, sockets and pipes; nothing when they may not be seen.
    pub open_files: Option<u64>,
    /// Processes that have not ended.
    pub processes: u64,
    /// The limit on memory, in bytes, where one is in force.
    pub memory_limit: Option<u64>,
    /// What the kernel counts towards it, in bytes; what it keeps of files for them, and could give up, included.
    pub memory_charged: Option<u64>,
}

/// Memory, and what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// What the only process has in memory, in bytes, pages that it shares with strangers included.
    Resident(u64),
    /// The shares of several processes, in bytes: what they have in common counts once.
    Shares(u64),
}

impl Memory {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Resident(bytes) | Self::Shares(bytes) => bytes,
        }
    }

    /// How the kernel calls what is counted: `rss`, `pss`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Resident(_) => "rss",
            Self::Shares(_) => "pss",
        }
    }
}

/// What each of these uses; nothing of those that are gone. All processes are looked at once at most.
pub fn usage<'m>(meters: impl IntoIterator<Item = &'m Meter>) -> Vec<Option<Usage>> {
    let tree: LazyLock<Tree> = LazyLock::new(Tree::now);
    meters.into_iter().map(|meter| meter.read(&tree)).collect()
}

impl Meter {
    pub(crate) fn new(leader: u32, reaper: Reaper, household: &Arc<Household>) -> Self {
        Self { leader, reaper, household: Arc::downgrade(household) }
    }

    /// Processor time that all of them have used, those who have ended included; nothing where only a look at the living would tell.
    pub fn cpu(&self) -> Option<Duration> {
        match &self.household.upgrade()?.family {
            Family::Cgroup(cgroup) => cgroup.cpu(),
            Family::Untold | Family::Marked(_) => None,
        }
    }

    /// How many of them the kernel has killed for want of memory; nothing when their memory is not limited.
    pub fn oom_kills(&self) -> Option<u64> {
        self.household.upgrade()?.confinement.oom_kills()
    }

    /// Is this process one of them?
    pub fn holds(&self, pid: u32) -> bool {
        let Some(household) = self.household.upgrade() else { return false };
        let tree: LazyLock<Tree> = LazyLock::new(Tree::now);
        pid == self.leader || household.family.members(self.leader, self.reaper, &tree).contains(&Process::new(pid))
    }

    fn read(&self, tree: &LazyLock<Tree>) -> Option<Usage> {
        let household = self.household.upgrade()?;
        let (limit, charged) = household.confinement.memory().unzip();
        let members = household.family.members(self.leader, self.reaper, tree);
        let stats = members.into_iter().filter_map(|process| Some((process, process.stat()?)));
        let living: Vec<_> = stats.filter(|(_, stat)| !stat.has_ended()).collect();
        let ticks = living.iter().map(|(_, stat)| stat.cpu + stat.cpu_of_children).sum();
        let processes: Vec<_> = living.into_iter().map(|(process, _)| process).collect();
        Some(Usage {
            cpu: self.cpu().unwrap_or(proc::ticks(ticks)),
            memory: memory(&processes),
            open_files: sum(&processes, Process::open_files),
            processes: processes.len() as u64,
            memory_limit: limit,
            memory_charged: charged,
        })
    }
}

/// Shares are dear to find out, the kernel goes through all pages for them, and alone nobody shares much.
fn memory(processes: &[Process]) -> Option<Memory> {
    match processes {
        [] => None,
        [alone] => alone.rss().map(Memory::Resident),
        several => sum(several, |process| process.pss().or_else(|| process.rss())).map(Memory::Shares),
    }
}

/// Nothing when nobody tells; who has ended meanwhile has nothing.
fn sum(processes: &[Process], of: impl Fn(Process) -> Option<u64>) -> Option<u64> {
    processes.iter().filter_map(|process| of(*process)).reduce(|sum, more| sum + more)
}
