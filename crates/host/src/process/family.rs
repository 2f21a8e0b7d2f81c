//! Who descends from a child, also outside of its process group: a program that makes a session of its own, or forks twice,
//! leaves the group, and is a part of the service all the same.

use super::{cgroup::Cgroup, mark::Mark, one::One};
use crate::{proc, proc::Process, reaper::Reaper};
use std::{collections::BTreeSet, io, sync::LazyLock};

/// Those who fork while they are looked for are looked for again, so often.
const ROUNDS: usize = 20;

/// How the members of a service are found.
pub(crate) enum Family {
    /// Not at all: what left the group is left alone.
    Untold,
    /// By their parents, and where those are gone and we have become the parent, by the mark.
    Marked(Mark),
    /// By the kernel.
    Cgroup(Cgroup),
}

impl Family {
    /// Everybody but the members of the group that `leader` leads. Zombies don't count.
    pub(crate) fn strays(&self, leader: u32, reaper: Reaper) -> Vec<One> {
        let members = match self {
            Self::Untold => return Vec::new(),
            Self::Marked(_) | Self::Cgroup(_) => self.members(leader, reaper, &LazyLock::new(Tree::now)),
        };
        let outside = |(process, stat): &(Process, proc::Stat)| {
            process.pid != leader && stat.group != leader && !stat.has_ended()
        };
        let known = members.into_iter().filter_map(|process| Some((process, process.stat()?)));
        known.filter(outside).map(|(process, stat)| One::new(process, &stat)).collect()
    }

    /// Everybody, the leader and zombies included. All processes are looked at once at most, also for many families.
    pub(crate) fn members(&self, leader: u32, reaper: Reaper, tree: &LazyLock<Tree>) -> Vec<Process> {
        let roots = match self {
            Self::Cgroup(cgroup) => return cgroup.members(),
            Self::Untold => vec![Process::new(leader)],
            Self::Marked(mark) => roots(mark, leader, reaper),
        };
        if roots.is_empty() { Vec::new() } else { tree.below(roots) }
    }

    /// Is there anybody beside the group? Asked at each end of a service, so it takes no look at all processes.
    pub(crate) fn has_strays(&self, leader: u32, reaper: Reaper) -> bool {
        match self {
            Self::Cgroup(cgroup) if !cgroup.is_populated() => false,
            _ => !self.strays(leader, reaper).is_empty(),
        }
    }

    /// Signals everybody but the group. Nobody left is not an error.
    pub(crate) fn signal_strays(&self, leader: u32, signal: i32, reaper: Reaper) -> io::Result<()> {
        match self {
            Self::Cgroup(cgroup) if signal == libc::SIGKILL => cgroup.kill(),
            Self::Marked(_) if signal == libc::SIGKILL => self.kill_again_and_again(leader, reaper),
            _ => self.strays(leader, reaper).iter().try_for_each(|stray| stray.signal(signal)),
        }
    }

    fn kill_again_and_again(&self, leader: u32, reaper: Reaper) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let strays = self.strays(leader, reaper);
            if strays.is_empty() {
                break;
            }
            strays.iter().try_for_each(|stray| stray.signal(libc::SIGKILL))?;
        }
        Ok(())
    }
}

/// The leader, while it lives, and the orphans that have come to us from it.
fn roots(mark: &Mark, leader: u32, reaper: Reaper) -> Vec<Process> {
    // In this order: what a leader leaves when it ends in between is among our children by then.
    let leader = Some(Process::new(leader)).filter(|leader| leader.is_running());
    let children = reaper.while_nothing_is_reaped(|registered| {
        let mut children = Process::this().children();
        children.retain(|child| !registered.contains(&child.pid));
        children
    });
    children.into_iter().filter(|child| mark.is_on(*child)).chain(leader).collect()
}

/// Who is whose child, at one moment.
pub(crate) struct Tree {
    parents: Vec<(Process, Process)>,
}

impl Tree {
    /// A look at all processes.
    pub(crate) fn now() -> Self {
        let parent = |process: Process| Some((process, Process::new(process.stat()?.parent)));
        Self { parents: proc::all().into_iter().filter_map(parent).collect() }
    }

    /// They and all below them.
    pub(crate) fn below(&self, roots: Vec<Process>) -> Vec<Process> {
        let mut found: BTreeSet<Process> = roots.into_iter().collect();
        loop {
            let below = self.parents.iter().filter(|(child, parent)| found.contains(parent) && !found.contains(child));
            let more: Vec<Process> = below.map(|(child, _)| *child).collect();
            if more.is_empty() {
                return found.into_iter().collect();
            }
            found.extend(more);
        }
    }
}
