//! Control groups, version 2: whoever is born in one stays in it, whatever its session, group and parent (cgroups(7)).
//!
//! Only what needs no controller is used: who is in a group, and the end of all of them at once. So a tree without any
//! controller will do, as on machines whose controllers are still with version 1.

use crate::proc::Process;
use rustix::fs::{Mode, OFlags};
use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Two copies of a service never share a control group, not even while one is cleared away.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// A number that no other copy of a service has.
/// How many there were so far; at least `copies`.
pub(crate) fn copies(copies: u64) -> u64 {
    COPIES.fetch_max(copies, Ordering::Relaxed).max(copies)
}

pub(crate) fn next_copy() -> u64 {
    COPIES.fetch_add(1, Ordering::Relaxed)
}

/// A group of ours. It is removed when it is dropped and nobody is in it.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

/// The group that this process is in.
pub(crate) fn own() -> Option<PathBuf> {
    let mounts = read(Path::new("/proc/self/mountinfo")).ok()?;
    let groups = read(Path::new("/proc/self/cgroup")).ok()?;
    Some(mount(&mounts)?.join(membership(&groups)?.trim_start_matches('/')))
}

/// Where version 2 is mounted: mount point and type of a line (proc(5), mountinfo).
fn mount(mounts: &str) -> Option<PathBuf> {
    let line = mounts.lines().find(|line| line.split(" - ").nth(1).is_some_and(|it| it.starts_with("cgroup2 ")))?;
    line.split(' ').nth(4).map(PathBuf::from)
}

/// The line of version 2: `0::PATH`.
fn membership(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

impl Cgroup {
    /// The group of this name below `parent`; made when it is not there.
    pub(crate) fn at(parent: &Path, name: &str) -> io::Result<Self> {
        Self::again(parent.join(name))
    }

    /// The group at `path`, which an earlier version of this process has made.
    pub(crate) fn again(path: PathBuf) -> io::Result<Self> {
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Self { path }),
        }
    }

    /// A new group below this one, named after `service`. One that is left of an earlier life is not taken: it was killed, and the
    /// kernel remembers.
    pub(crate) fn new_below(&self, service: &str) -> io::Result<Self> {
        loop {
            let path = self.path.join(format!("{service}.{}", next_copy()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| Self { path }),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Does the kernel end all of a group at once (Linux 5.14)?
    pub(crate) fn can_kill(&self) -> bool {
        self.path.join("cgroup.kill").exists()
    }

    /// A descriptor with which a process is born in it.
    pub(crate) fn directory(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.path, flags, Mode::empty())?)
    }

    /// A descriptor through which a process enters: it writes `0` to it.
    pub(crate) fn entrance(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(self.path.join("cgroup.procs"), flags, Mode::empty())?)
    }

    /// Is anybody in it, or in a group below it? Zombies don't count.
    pub(crate) fn is_populated(&self) -> bool {
        read(&self.path.join("cgroup.events")).is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
    }

    /// Who is in it, groups below it included.
    pub(crate) fn members(&self) -> Vec<Process> {
        let mut members = Vec::new();
        gather(&self.path, &mut members);
        members
    }

    /// Processor time that all who were ever in it have used. No controller is needed for it (cgroups, `cpu.stat`).
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let stat = read(&self.path.join("cpu.stat")).ok()?;
        let used = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        used.trim().parse().ok().map(Duration::from_micros)
    }

    /// Ends all of them, groups below it included; nobody escapes by forking meanwhile.
    #[expect(clippy::disallowed_methods, reason = "a file of the kernel: written to, not replaced")]
    pub(crate) fn kill(&self) -> io::Result<()> {
        fs::write(self.path.join("cgroup.kill"), "1")
    }
}

impl Drop for Cgroup {
    /// The kernel removes no group that somebody is in.
    fn drop(&mut self) {
        for child in groups_below(&self.path) {
            drop(Self { path: child });
        }
        let _ = fs::remove_dir(&self.path);
    }
}

fn gather(path: &Path, members: &mut Vec<Process>) {
    let listed = read(&path.join("cgroup.procs")).unwrap_or_default();
    members.extend(listed.lines().filter_map(|pid| pid.parse().ok()).map(Process::new));
    groups_below(path).iter().for_each(|child| gather(child, members));
}

fn groups_below(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

#[expect(clippy::disallowed_methods, reason = "files of the kernel, bounded by nature")]
pub(super) fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_and_the_group_are_found_beside_those_of_version_1() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                      41 23 0:37 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(mount(mounts), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(membership("4:memory:/a\n0::/user.slice/x\n"), Some("/user.slice/x"));
        assert_eq!(mount("30 23 0:26 / /proc rw - proc proc rw\n"), None);
        assert_eq!(membership("4:memory:/a\n"), None);
    }
}
