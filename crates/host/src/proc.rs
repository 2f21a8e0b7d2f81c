//! Other processes, and the machine, as /proc shows them (proc(5)).

use crate::descriptor::readable;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

/// The unit of all times in /proc/PID/stat: the kernel scales them to 100 per second on every architecture that
/// matters to us (`USER_HZ`, time(7)).
pub const TICKS_PER_SECOND: u64 = 100;

/// One process, by its number. It may have ended, or be another one by now: compare [`Process::start_time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
}

/// The facts of /proc/PID/stat that we use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The file name of the program, cut to 15 bytes.
    pub name: String,
    /// `R` running, `S` sleeping, `D` waiting for a disk, `T` stopped, `Z` zombie, ...
    pub state: char,
    /// Its parent's process id, 0 for none.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Processor time used, in ticks of 1 / [`TICKS_PER_SECOND`] s, its threads included.
    pub cpu: u64,
    /// The same of its children that have ended and that it has waited for, and of theirs.
    pub cpu_of_children: u64,
    /// When it started, in ticks since the machine did.
    pub start_time: u64,
}

impl Stat {
    /// Has it ended, though its parent does not know yet?
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may itself hold parentheses and spaces.
        let (before, after) = text.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let id = |at| number(at).and_then(|id| u32::try_from(id).ok());
        Some(Self {
            name: before.split_once('(')?.1.to_owned(),
            state: fields.first()?.chars().next()?,
            parent: id(1)?,
            group: id(2)?,
            session: id(3)?,
            cpu: number(11)? + number(12)?,
            cpu_of_children: number(13)? + number(14)?,
            start_time: number(19)?,
        })
    }
}

impl Process {
    /// The process with this number.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// This very process.
    pub fn this() -> Self {
        Self::new(std::process::id())
    }

    /// State, parent, group and times; nothing when it is gone.
    pub fn stat(self) -> Option<Stat> {
        Stat::parse(&self.read("stat")?)
    }

    /// Is it there and not a zombie?
    pub fn is_running(self) -> bool {
        self.stat().is_some_and(|stat| !stat.has_ended())
    }

    /// Its title: the arguments with spaces between, or what the program has written over them, as PostgreSQL does.
    /// Nothing when it is gone, a zombie, or a thread of the kernel.
    pub fn cmdline(self) -> Option<String> {
        let title = self.read("cmdline")?.replace('\0', " ").trim().to_owned();
        (!title.is_empty()).then_some(title)
    }

    /// Its parent.
    pub fn parent(self) -> Option<Process> {
        self.stat().filter(|stat| stat.parent > 0).map(|stat| Process::new(stat.parent))
    }

    /// Its children, by number.
    pub fn children(self) -> Vec<Process> {
        // Not every kernel lists them (CONFIG_PROC_CHILDREN); all of them know the parent of each process.
        self.listed_children().unwrap_or_else(|| {
            all().into_iter().filter(|other| other.stat().is_some_and(|stat| stat.parent == self.pid)).collect()
        })
    }

    fn listed_children(self) -> Option<Vec<Process>> {
        let mut children = BTreeSet::new();
        for thread in fs::read_dir(self.path("task")).ok()? {
            let listed = read(&thread.ok()?.path().join("children"))?;
            children.extend(listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).map(Process::new));
        }
        Some(children.into_iter().collect())
    }

    /// When it started, in ticks since the machine did. Together with the number it names a process for ever.
    pub fn start_time(self) -> Option<u64> {
        self.stat().map(|stat| stat.start_time)
    }

    /// The environment that its program was started with, entries ended by 0, when we may see it (same user or root).
    #[expect(clippy::disallowed_methods, reason = "a file of the kernel, bounded by nature")]
    pub fn environ(self) -> Option<Vec<u8>> {
        fs::read(self.path("environ")).ok()
    }

    /// Where its memory is and what is in it, a line for each piece, when we may see it (same user or root).
    pub(crate) fn maps(self) -> Option<String> {
        self.read("maps")
    }

    /// Its working directory, when we may see it (same user or root).
    pub fn cwd(self) -> Option<PathBuf> {
        fs::read_link(self.path("cwd")).ok()
    }

    /// Its program, when we may see it (same user or root).
    pub fn exe(self) -> Option<PathBuf> {
        fs::read_link(self.path("exe")).ok()
    }

    /// The files whose code it runs, as this process can open them, also when the other one has a root of its own. Nothing where we may
    /// not see them.
    pub fn code(self) -> Vec<PathBuf> {
        let maps = self.read("maps").unwrap_or_default();
        let mut files: Vec<_> = maps.lines().filter_map(code_of).collect();
        files.sort_unstable();
        files.dedup();
        files.into_iter().map(|file| PathBuf::from(format!("/proc/{}/root{file}", self.pid))).collect()
    }

    /// What its standard error leads to, when we may see it (same user or root): a path, or as the kernel calls what is no file,
    /// `pipe:[4711]`.
    pub fn standard_error(self) -> Option<PathBuf> {
        fs::read_link(self.path("fd/2")).ok()
    }

    /// Its resident memory in bytes.
    pub fn rss(self) -> Option<u64> {
        in_kibibytes(&self.read("status")?, "VmRSS:")
    }

    /// Its share of the memory in bytes: a page that several processes have in common counts in parts (`Pss`), when we may see it
    /// (same user or root).
    pub fn pss(self) -> Option<u64> {
        in_kibibytes(&self.read("smaps_rollup")?, "Pss:")
    }

    /// How many files, sockets and pipes it has open, when we may see it (same user or root).
    pub fn open_files(self) -> Option<u64> {
        let directory = self.path("fd");
        // Since Linux 6.2 the kernel tells their number as the size of the directory.
        match fs::metadata(&directory).ok()?.len() {
            0 => fs::read_dir(directory).ok().map(|entries| entries.count() as u64),
            size => Some(size),
        }
    }

    /// How many files it may have open at once (`Max open files` of /proc/PID/limits, the soft limit).
    pub(crate) fn most_open_files(self) -> Option<u64> {
        let limits = self.read("limits")?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    }

    /// Processor time used so far.
    pub fn cpu(self) -> Option<Duration> {
        self.stat().map(|stat| ticks(stat.cpu))
    }

    /// The inodes of the sockets it has open, when we may see them (same user or root).
    pub(crate) fn sockets(self) -> impl Iterator<Item = u64> {
        let descriptors = fs::read_dir(self.path("fd")).into_iter().flatten().flatten();
        descriptors.filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
    }

    fn read(self, file: &str) -> Option<String> {
        read(&self.path(file))
    }

    fn path(self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.pid))
    }
}

/// The line `NAME:   123 kB` of a file of the kernel, in bytes.
fn in_kibibytes(text: &str, name: &str) -> Option<u64> {
    let kibibytes = text.lines().find_map(|line| line.strip_prefix(name))?;
    kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Processor time in ticks, as /proc/PID/stat counts it.
pub(crate) fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// All processes that we can see, by number.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut all: Vec<_> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Process::new).collect();
    all.sort_unstable();
    all
}

/// Resolves as soon as process `pid` has ended; at once when there is none. It may belong to anybody. Costs nothing
/// while it waits.
pub async fn wait_gone(pid: u32) -> io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(pidfd) => readable(pidfd)?.readable().await.map(drop),
    }
}

/// Changes with every start of the machine.
pub fn boot_id() -> Option<String> {
    read(Path::new("/proc/sys/kernel/random/boot_id")).map(|id| id.trim().to_owned())
}

/// The name of the machine, or of the container.
pub fn hostname() -> Option<String> {
    read(Path::new("/proc/sys/kernel/hostname")).map(|name| name.trim().to_owned())
}

/// How long the machine has been up.
pub fn uptime() -> Option<Duration> {
    let seconds = read(Path::new("/proc/uptime"))?.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How many processes the kernel has killed for want of memory since the machine was started, by all limits together
/// (`oom_kill` of /proc/vmstat); nothing before Linux 4.13.
pub fn oom_kills() -> Option<u64> {
    let counters = read(Path::new("/proc/vmstat"))?;
    counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// No file that is read here is as long as this.
const LONGEST: u64 = 1 << 20;

/// A title may hold any bytes. The kernel does not say how long a file is: with room for most of them one call reads it, where to
/// begin with a little takes ten.
pub(crate) fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::with_capacity(8192);
    fs::File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `7f00-7f01 r-xp 00000000 fe:00 12 /usr/lib/libz.so.1` -> `/usr/lib/libz.so.1` (proc_pid_maps(5)); one that was removed since cannot
/// be opened any more.
fn code_of(line: &str) -> Option<&str> {
    let executable = line.split_ascii_whitespace().nth(1)?.contains('x');
    let file = &line[line.find('/')?..];
    (executable && !file.ends_with(" (deleted)")).then_some(file)
}

#[cfg(test)]
mod tests;
