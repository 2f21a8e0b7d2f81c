//! What processes cost, from /proc.
use super::helper::{Moment, millis, now};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;
use std::time::Duration;

/// USER_HZ is 100 on every Linux that Rust runs on, whatever the kernel's own HZ.
const TICK_NS: u64 = 10_000_000;

/// A child that is killed with all its descendants when it is dropped.
pub(super) struct Tied(pub(super) Child);

impl Tied {
    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended; false when `limit` passed first.
    pub(super) fn ends_within(&mut self, limit: Duration) -> bool {
        let begun = now();
        while millis(begun, now()) < limit.as_secs_f64() * 1e3 {
            if self.ended() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ended()
    }

    pub(super) fn ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)) | Err(_))
    }
}

impl Drop for Tied {
    /// The eldest first, so that nobody starts a killed one again.
    fn drop(&mut self) {
        if !self.ended() {
            family(self.pid()).into_iter().for_each(kill);
            let _ = self.0.wait();
        }
    }
}

/// What processes have used until a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    at: Moment,
    cpu_ns: u64,
    switches: u64,
}

impl Usage {
    /// Of these processes and of the children that they have waited for.
    pub(super) fn of(pids: &[u32]) -> Self {
        let sum = |each: fn(u32) -> u64| pids.iter().map(|pid| each(*pid)).sum();
        Self { at: now(), cpu_ns: sum(own_cpu) + sum(childrens_cpu), switches: sum(switches) }
    }

    /// Share of one core since `before`, in percent.
    pub(super) fn cpu_percent_since(&self, before: &Self) -> f64 {
        self.cpu_ns.saturating_sub(before.cpu_ns) as f64 / (self.at - before.at) as f64 * 100.0
    }

    /// How often a thread was put on a core since `before`, as often as in ten seconds.
    pub(super) fn wakes_in_ten_seconds_since(&self, before: &Self) -> f64 {
        self.switches.saturating_sub(before.switches) as f64 / ((self.at - before.at) as f64 / 1e10)
    }
}

/// Resident memory in bytes, shared pages included.
pub(super) fn resident(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| field(&format!("/proc/{pid}/status"), "VmRSS:") * 1024).sum()
}

/// Memory in bytes, of shared pages the share of each.
pub(super) fn proportional(pids: &[u32]) -> u64 {
    pids.iter().map(|pid| field(&format!("/proc/{pid}/smaps_rollup"), "Pss:") * 1024).sum()
}

/// The most resident memory that a process has had in bytes, shared pages included; zero when it has ended.
pub(super) fn peak(pid: u32) -> u64 {
    field(&format!("/proc/{pid}/status"), "VmHWM:") * 1024
}

/// The process and all its descendants, parents first.
pub(super) fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next).copied() {
        all.extend(children(pid));
        next += 1;
    }
    all
}

/// SIGKILL; a process that is gone is no error.
pub(super) fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// Sends a signal; a process that is gone is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Is it there, and not a zombie?
pub(super) fn is_there(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Has it ended without anybody having looked?
pub(super) fn is_zombie(pid: u32) -> bool {
    state(pid) == Some('Z')
}

fn state(pid: u32) -> Option<char> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Children of every thread: a child belongs to the thread that started it.
fn children(pid: u32) -> Vec<u32> {
    let of = |task: &String| std::fs::read_to_string(format!("{task}/children")).unwrap_or_default();
    let lists: Vec<String> = tasks(pid).iter().map(of).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|word| word.parse().ok()).collect()
}

fn tasks(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string()).collect()
}

/// Nanoseconds on a core, exact. See proc_pid_schedstat in the kernel's documentation (sched-stats).
fn own_cpu(pid: u32) -> u64 {
    let of = |task: &String| std::fs::read_to_string(format!("{task}/schedstat")).unwrap_or_default();
    tasks(pid).iter().map(of).filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

/// Of children that have ended, in ticks of 10 ms: fields 16 and 17 of proc_pid_stat(5).
fn childrens_cpu(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(13).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    ticks * TICK_NS
}

fn switches(pid: u32) -> u64 {
    let of = |task: String| {
        let file = format!("{task}/status");
        field(&file, "voluntary_ctxt_switches:") + field(&file, "nonvoluntary_ctxt_switches:")
    };
    tasks(pid).into_iter().map(of).sum()
}

/// The number after a name at the beginning of a line.
fn field(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
