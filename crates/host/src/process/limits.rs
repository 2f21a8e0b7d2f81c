//! What a child and all who descend from it may use at most.
//!
//! Memory, processors and processes are limited by control groups, of version 2 where its controllers may be used, else of
//! version 1 (cgroups(7)). The numbers of single processes are no substitute: a limit on address space ends programs that use
//! little, and one on processes counts all of a user. Open files are a limit of each process (`RLIMIT_NOFILE`, getrlimit(2)).

use super::{
    cgroup::{Cgroup, read},
    family::Family,
};
use crate::proc::Process;
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

/// What a child and all who descend from it may use at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Processors.
    pub cpu: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Open files of each process.
    pub files: Option<u64>,
}

/// One limit that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `memory`, `cpu`, `pids`, `files`.
    pub name: &'static str,
    /// What the kernel was told, as `memory.max = 1048576`.
    ///
    /// # Errors
    /// Why the limit is not in force.
    pub in_force: Result<String, String>,
}

/// In microseconds: how long a share of the processors is counted (`cpu.max`, `cpu.cfs_period_us`).
const PERIOD: u64 = 100_000;

const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

impl Limits {
    /// Those of control groups: the controller, and its files of version 2 and version 1 with what is written to them.
    fn of_groups(&self) -> Vec<Wanted> {
        let quota = |cpu: f64| ((cpu * PERIOD as f64).round() as u64).max(1000);
        let memory = self.memory.map(|bytes| Wanted {
            controller: "memory",
            two: vec![("memory.max", bytes.to_string())],
            one: vec![("memory.limit_in_bytes", bytes.to_string())],
        });
        let cpu = self.cpu.map(|cpu| Wanted {
            controller: "cpu",
            two: vec![("cpu.max", format!("{} {PERIOD}", quota(cpu)))],
            one: vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota(cpu).to_string())],
        });
        let pids = self.pids.map(|pids| Wanted {
            controller: "pids",
            two: vec![("pids.max", pids.to_string())],
            one: vec![("pids.max", pids.to_string())],
        });
        [memory, cpu, pids].into_iter().flatten().collect()
    }
}

struct Wanted {
    controller: &'static str,
    two: Vec<(&'static str, String)>,
    one: Vec<(&'static str, String)>,
}

/// The limits of one child. Its groups of version 1 are removed when it is dropped and nobody is in them.
#[derive(Default)]
pub(crate) struct Confinement {
    groups: Vec<Cgroup>,
    /// Where the kernel counts its memory: the directory, and whether it is of version 2.
    memory: Option<(PathBuf, bool)>,
    bytes: Option<u64>,
    in_force: Vec<Limit>,
}

/// What is handed over of a confinement to the next version of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HandedConfinement {
    groups: Vec<PathBuf>,
    memory: Option<(PathBuf, bool)>,
    bytes: Option<u64>,
    in_force: Vec<(String, Result<String, String>)>,
}

/// The names of all limits.
const NAMES: [&str; 4] = ["memory", "cpu", "pids", "files"];

impl Confinement {
    pub(crate) fn hand_over(&self) -> HandedConfinement {
        HandedConfinement {
            groups: self.groups.iter().map(|group| group.path().to_owned()).collect(),
            memory: self.memory.clone(),
            bytes: self.bytes,
            in_force: self.in_force.iter().map(|it| (it.name.to_owned(), it.in_force.clone())).collect(),
        }
    }

    pub(crate) fn take_over(handed: HandedConfinement) -> io::Result<Self> {
        let limit = |(name, in_force): (String, _)| {
            NAMES.into_iter().find(|known| *known == name).map(|name| Limit { name, in_force })
        };
        Ok(Self {
            groups: handed.groups.into_iter().map(Cgroup::again).collect::<io::Result<_>>()?,
            memory: handed.memory,
            bytes: handed.bytes,
            in_force: handed.in_force.into_iter().filter_map(limit).collect(),
        })
    }

    /// Makes groups and writes the limits; `name` is that of no other group. What does not work is remembered, and stops nobody.
    pub(crate) fn of(limits: &Limits, family: &Family, name: &str) -> Self {
        let mut all = Self::default();
        for wanted in limits.of_groups() {
            let in_force = match family {
                Family::Cgroup(group) if group.path().join(wanted.two[0].0).exists() => {
                    all.write(wanted.controller, group.path().to_owned(), true, &wanted.two)
                }
                _ => all.in_version_1(&wanted, name),
            };
            if wanted.controller == "memory" && in_force.is_ok() {
                all.bytes = limits.memory;
            }
            all.in_force.push(Limit { name: wanted.controller, in_force });
        }
        all
    }

    fn in_version_1(&mut self, wanted: &Wanted, name: &str) -> Result<String, String> {
        let controller = wanted.controller;
        let nothing = || format!("no control group with `{controller}` may be written to here");
        let own = own_of_version_1(controller).ok_or_else(nothing)?;
        let group = Cgroup::at(&own, name).map_err(|error| format!("{}: {error}", nothing()))?;
        let path = group.path().to_owned();
        self.groups.push(group);
        self.write(controller, path, false, &wanted.one)
    }

    fn write(
        &mut self,
        controller: &str,
        path: PathBuf,
        two: bool,
        files: &[(&'static str, String)],
    ) -> Result<String, String> {
        for (file, value) in files {
            let refused = |error: io::Error| format!("`{file}` takes no `{value}`: {error}");
            tell_kernel(&path.join(file), value).map_err(refused)?;
        }
        if controller == "memory" {
            self.memory = Some((path, two));
        }
        Ok(files.iter().map(|(file, value)| format!("{file} = {value}")).collect::<Vec<_>>().join(", "))
    }

    /// Through which a process enters its groups of version 1.
    pub(crate) fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        self.groups.iter().map(Cgroup::entrance).collect()
    }

    /// Remembers whether the limit on open files is in force in `child`, which was told it.
    pub(crate) fn look_at_files(&mut self, limits: &Limits, child: u32) {
        let Some(files) = limits.files else { return };
        let in_force = match Process::new(child).most_open_files() {
            Some(most) if most == files => Ok(format!("RLIMIT_NOFILE = {files}")),
            Some(most) => Err(format!("its limit is {most}, and may not be raised here")),
            None => Err("could not verify: it has ended already".to_owned()),
        };
        self.in_force.push(Limit { name: "files", in_force });
    }

    pub(crate) fn in_force(&self) -> &[Limit] {
        &self.in_force
    }

    /// The limit on memory, and what is counted towards it, in bytes; what is cached of files included.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        let (path, two) = self.memory.as_ref()?;
        let file = if *two { "memory.current" } else { "memory.usage_in_bytes" };
        Some((self.bytes?, read(&path.join(file)).ok()?.trim().parse().ok()?))
    }

    /// How many of them the kernel has killed for want of memory; nothing when their memory is not limited, for then it is not
    /// counted for them alone.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        let (path, two) = self.memory.as_ref()?;
        let counters = read(&path.join(if *two { "memory.events" } else { "memory.oom_control" })).ok()?;
        counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
    }
}

/// Lets groups below `home` be limited, which is below `own`: both must pass the controllers on, and who passes them on holds no
/// process itself ("no internal processes"). What cannot be had is seen when a limit is written.
pub(crate) fn pass_controllers_on(own: &Path, home: &Cgroup) {
    let offered = read(&own.join("cgroup.controllers")).unwrap_or_default();
    for controller in offered.split_ascii_whitespace().filter(|it| CONTROLLERS.contains(it)) {
        let order = format!("+{controller}");
        let control = own.join("cgroup.subtree_control");
        let busy = |error: &io::Error| error.raw_os_error() == Some(libc::EBUSY);
        if tell_kernel(&control, &order).is_err_and(|error| busy(&error)) && step_aside(own).is_ok() {
            let _ = tell_kernel(&control, &order);
        }
        let _ = tell_kernel(&home.path().join("cgroup.subtree_control"), &order);
    }
}

/// We leave the group for one of our own below it, if nobody else is in it.
fn step_aside(own: &Path) -> io::Result<()> {
    let members = read(&own.join("cgroup.procs"))?;
    if members.lines().any(|pid| pid != std::process::id().to_string()) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let aside = Cgroup::at(own, "mainstay-itself")?;
    let moved = tell_kernel(&aside.path().join("cgroup.procs"), "0");
    // It is ours for as long as we live; the next one finds it again.
    std::mem::forget(aside);
    moved
}

/// Removes groups of version 1 that an earlier life has left, and nobody is in.
pub(crate) fn clear_version_1(prefix: &str) {
    for own in CONTROLLERS.iter().filter_map(|controller| own_of_version_1(controller)) {
        let entries = std::fs::read_dir(&own).into_iter().flatten().flatten();
        let left = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        left.for_each(|entry| drop(std::fs::remove_dir(entry.path())));
    }
}

/// The group of version 1 that this process is in, for one controller.
fn own_of_version_1(controller: &str) -> Option<PathBuf> {
    let mounts = read(Path::new("/proc/self/mountinfo")).ok()?;
    let groups = read(Path::new("/proc/self/cgroup")).ok()?;
    let (root, mount) = mount_of_version_1(&mounts, controller)?;
    let path = membership_of_version_1(&groups, controller)?;
    // In a container the mount may begin further down than the path does.
    let below = path.strip_prefix(root).unwrap_or(path);
    Some(mount.join(below.trim_start_matches('/')))
}

/// Root and mount point of the line whose options name the controller (proc(5), mountinfo).
fn mount_of_version_1<'m>(mounts: &'m str, controller: &str) -> Option<(&'m str, PathBuf)> {
    let of_controller = |line: &&str| {
        let mut kind = line.split(" - ").nth(1).unwrap_or_default().split(' ');
        kind.next() == Some("cgroup")
            && kind.nth(1).is_some_and(|options| options.split(',').any(|it| it == controller))
    };
    let mut fields = mounts.lines().find(of_controller)?.split(' ').skip(3);
    Some((fields.next()?.trim_end_matches('/'), PathBuf::from(fields.next()?)))
}

/// `4:memory:/a`, `3:cpu,cpuacct:/b`.
fn membership_of_version_1<'g>(groups: &'g str, controller: &str) -> Option<&'g str> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|it| it == controller).then_some(path)
    })
}

/// A file of the kernel is written to in one piece, and never made.
fn tell_kernel(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_version_1_are_found() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
                      31 23 0:27 /docker/x /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
                      41 23 0:37 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,memory\n";
        assert_eq!(mount_of_version_1(mounts, "cpu"), Some(("", PathBuf::from("/sys/fs/cgroup/cpu"))));
        assert_eq!(mount_of_version_1(mounts, "memory"), Some(("/docker/x", PathBuf::from("/sys/fs/cgroup/memory"))));
        assert_eq!(mount_of_version_1(mounts, "pids"), None);
        let groups = "4:memory:/docker/x\n3:cpu,cpuacct:/b:c\n0::/u\n";
        assert_eq!(membership_of_version_1(groups, "cpuacct"), Some("/b:c"));
        assert_eq!(membership_of_version_1(groups, "pids"), None);
    }

    /// Version 2 as far as files go: the kernel's own are written to, in its words, and none is made.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn limits_of_version_2_are_written_in_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let group = Cgroup::at(dir.path(), "api.0").unwrap();
        for file in ["memory.max", "cpu.max"] {
            std::fs::File::create(group.path().join(file)).unwrap();
        }
        let told = |file| std::fs::read_to_string(dir.path().join("api.0").join(file)).unwrap();
        let counters = dir.path().join("api.0/memory.events");
        std::fs::write(&counters, "low 0\noom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
        let limits = Limits { memory: Some(1 << 20), cpu: Some(1.5), ..Limits::default() };
        let confinement = Confinement::of(&limits, &Family::Cgroup(group), "x");
        assert_eq!((told("memory.max").as_str(), told("cpu.max").as_str()), ("1048576", "150000 100000"));
        let words = confinement.in_force().iter().map(|limit| limit.in_force.clone().unwrap());
        assert_eq!(words.collect::<Vec<_>>(), ["memory.max = 1048576", "cpu.max = 150000 100000"]);
        assert_eq!(confinement.oom_kills(), Some(2));
    }
}
