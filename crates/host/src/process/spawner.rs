//! Starting real processes.

use super::{
    Child, Command, Output, Pipes, Spawner,
    cgroup::{self, Cgroup},
    child::SystemChild,
    family::Family,
    group::Group,
    image::Image,
};
use crate::reaper::Reaper;
use rustix::{
    io::fcntl_dupfd_cloexec,
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
    process::{Signal, getppid, set_parent_process_death_signal},
};
use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::net::unix::pipe::Receiver;

/// The first descriptor that is handed over (sd_listen_fds(3)).
const FIRST: RawFd = 3;

/// What a child can write before anybody has read, in bytes. The kernel takes memory only for what is in it.
const PIPE: usize = 256 * 1024;

/// Starts real processes.
///
/// A child gets its own process group, the default signals, `/dev/null` as input, its listeners and nothing else that
/// mainstay has open; with [`Output::Shared`] our group and our input. It is killed by the kernel when the *thread* that started it ends (`PR_SET_PDEATHSIG`,
/// prctl(2)): start children on the main thread. That does not reach grandchildren.
pub struct SystemSpawner {
    reaper: Reaper,
    /// The control group in which each service gets its own.
    home: OnceLock<Cgroup>,
}

/// How those who descend from a service are kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Together {
    /// By the kernel, in control groups below this one.
    Cgroups(PathBuf),
    /// By process group, parents and a mark in the environment: there is no control group of version 2 that may be written to.
    Marks,
}

/// Two copies of a service never share a control group, not even while one is cleared away.
static COPIES: AtomicU64 = AtomicU64::new(0);

impl SystemSpawner {
    /// Begins to listen for ended children on the current tokio runtime, and panics outside of one.
    pub fn new() -> io::Result<Self> {
        Ok(Self { reaper: Reaper::start()?, home: OnceLock::new() })
    }

    /// From now on each marked child gets a control group of its own, where that can be had, below one for `instance`.
    pub fn keep_together(&self, instance: &str) -> Together {
        if self.home.get().is_none()
            && let Some(home) = cgroup::own().and_then(|own| Cgroup::at(&own, &home_of(instance)).ok())
            && home.can_kill()
        {
            // Who is in it is of an earlier life, and was asked to go by whoever calls this.
            let _ = home.kill();
            let _ = self.home.set(home);
        }
        match self.home.get() {
            Some(home) => Together::Cgroups(home.path().to_owned()),
            None => Together::Marks,
        }
    }

    fn family(&self, command: &Command) -> io::Result<Family> {
        match (&command.mark, self.home.get()) {
            (None, _) => Ok(Family::Untold),
            (Some(mark), None) => Ok(Family::Marked(mark.clone())),
            (Some(mark), Some(home)) => {
                let name = format!("{}.{}", mark.service, COPIES.fetch_add(1, Ordering::Relaxed));
                Cgroup::at(home.path(), &name).map(Family::Cgroup)
            }
        }
    }

    /// From now on the orphans among our descendants become our children, and are reaped. Process 1 needs no asking:
    /// it gets them anyway. Nothing else in the program may wait for children of its own afterwards.
    pub fn become_subreaper(&self) -> io::Result<()> {
        self.reaper.adopt_orphans()
    }

    /// How many orphans were reaped so far.
    pub fn orphans_reaped(&self) -> u64 {
        self.reaper.orphans_reaped()
    }
}

impl Spawner for SystemSpawner {
    fn spawn(&self, command: &Command) -> io::Result<Box<dyn Child>> {
        check_directory(&command.cwd)?;
        let mut env = command.env.clone();
        command.mark.iter().for_each(|mark| mark.put_on(&mut env));
        let image = Image::new(&command.argv, &env, &command.cwd, command.listeners.len())?;
        let (ours, theirs) = outputs(command.output)?;
        let family = self.family(command)?;
        let entrance = if let Family::Cgroup(cgroup) = &family { Some(cgroup.entrance()?) } else { None };
        let mut start = prepare(command, image, theirs, entrance)?;
        let started = self.reaper.register(|| Ok(start.spawn().map_err(|error| unstartable(command, &error))?.id()))?;
        let group = match command.output {
            Output::Shared => Group::of_one(started.pid, started.pidfd, self.reaper),
            Output::Piped | Output::Inherit => Group::new(started.pid, started.pidfd, self.reaper, family),
        };
        Ok(Box::new(SystemChild::new(group, ours, started.ended)))
    }
}

/// A name for a control group; FNV-1a, so that every later version of mainstay comes to the same.
fn home_of(instance: &str) -> String {
    let prime = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("mainstay-{:016x}", instance.bytes().fold(0xcbf2_9ce4_8422_2325, prime))
}

/// Without this, a missing directory would look like a missing command.
fn check_directory(cwd: &Path) -> io::Result<()> {
    if cwd.is_dir() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotADirectory, format!("working directory `{}` is not there", cwd.display())))
}

/// The ends of the pipes that we read, and what the child gets.
type Outputs = (Option<Pipes>, [Stdio; 2]);

fn outputs(output: Output) -> io::Result<Outputs> {
    if output != Output::Piped {
        return Ok((None, [Stdio::inherit(), Stdio::inherit()]));
    }
    let (stdout, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, theirs_too) = pipe_with(PipeFlags::CLOEXEC)?;
    for end in [&stdout, &stderr] {
        // Who may not have a larger one, for the user has many, has one of the usual size.
        let _ = fcntl_setpipe_size(end, PIPE);
    }
    let read = |end| Receiver::from_owned_fd(end).map(Box::new);
    let ours = Pipes { stdout: read(stdout)?, stderr: read(stderr)? };
    Ok((Some(ours), [theirs.into(), theirs_too.into()]))
}

fn unstartable(command: &Command, error: &io::Error) -> io::Error {
    let program = command.argv.first().map_or("", String::as_str);
    let why = match error.kind() {
        // The file itself was found a moment ago.
        io::ErrorKind::NotFound => "the interpreter that its first line or its header names is not there".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("start `{program}`: {why}"))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
fn prepare(
    command: &Command,
    image: Image,
    [stdout, stderr]: [Stdio; 2],
    entrance: Option<OwnedFd>,
) -> io::Result<Prepared> {
    let handover = Handover::of(command)?;
    // The image is executed by `become_child`; std is asked for the fork, the standard descriptors and the report of
    // an error from the child only.
    let mut prepared = std::process::Command::new(&command.argv[0]);
    prepared.stdout(stdout).stderr(stderr).current_dir(&command.cwd);
    match command.output {
        Output::Shared => prepared.stdin(Stdio::inherit()),
        Output::Piped | Output::Inherit => prepared.stdin(Stdio::null()).process_group(0),
    };
    let (parent, sources) = (std::process::id(), handover.sources);
    let mut image = image;
    #[expect(unsafe_code, reason = "what a child does to itself before it executes the program")]
    // SAFETY: `become_child` makes system calls only, and neither allocates nor locks (signal-safety(7)).
    unsafe {
        prepared.pre_exec(move || Err(become_child(&mut image, &sources, entrance.as_ref(), parent)));
    }
    Ok(Prepared { command: prepared, _reserved: handover.reserved })
}

/// A command together with the descriptors that keep [`FIRST`] and the following free for the listeners.
struct Prepared {
    command: std::process::Command,
    _reserved: Vec<OwnedFd>,
}

impl Prepared {
    fn spawn(&mut self) -> io::Result<std::process::Child> {
        self.command.spawn()
    }
}

/// The listeners, copied above the numbers at which the child wants them, so that no copy overwrites another.
struct Handover {
    sources: Vec<OwnedFd>,
    /// Holds the wanted numbers that are free, so that the pipe over which std reports a failed `execve` does not get
    /// one of them and is not overwritten in the child.
    reserved: Vec<OwnedFd>,
}

impl Handover {
    fn of(command: &Command) -> io::Result<Self> {
        let end = FIRST + RawFd::try_from(command.listeners.len()).map_err(io::Error::other)?;
        let above = |listener: &Arc<OwnedFd>| fcntl_dupfd_cloexec(listener, end).map_err(io::Error::from);
        let sources = command.listeners.iter().map(above).collect::<io::Result<Vec<_>>>()?;
        let mut reserved = Vec::new();
        while let Some(source) = sources.first() {
            let next = fcntl_dupfd_cloexec(source, FIRST)?;
            if next.as_raw_fd() >= end {
                break;
            }
            reserved.push(next);
        }
        Ok(Self { sources, reserved })
    }
}

/// Runs in the child, after the fork. Returns only when the program cannot be executed.
fn become_child(image: &mut Image, listeners: &[OwnedFd], entrance: Option<&OwnedFd>, parent: u32) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // Our parent may have ended before the request: then nobody will send the signal.
    if getppid().map(|pid| pid.as_raw_pid().cast_unsigned()) != Some(parent) {
        return io::Error::from_raw_os_error(libc::ESRCH);
    }
    // "0" means whoever writes (cgroups(7)).
    if let Some(Err(error)) = entrance.map(|entrance| rustix::io::write(entrance, b"0")) {
        return error.into();
    }
    default_signals();
    if let Err(error) = pass_on(listeners) {
        return error;
    }
    image.exec_in_child()
}

/// An ignored signal would stay ignored in the program (execve(2)). The mask was emptied by std.
#[expect(unsafe_code, reason = "dispositions have no safe interface")]
fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: sets no handler. The numbers that cannot be set are refused, which is of no consequence.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Puts the listeners where the program looks for them; everything else closes when it is executed.
#[expect(unsafe_code, reason = "the targets are numbers, not descriptors that anybody owns")]
fn pass_on(listeners: &[OwnedFd]) -> io::Result<()> {
    let mut next = FIRST;
    for listener in listeners {
        // SAFETY: replaces descriptors of the child, where nothing of ours runs any more that could use them.
        if unsafe { libc::dup2(listener.as_raw_fd(), next) } < 0 {
            return Err(io::Error::last_os_error());
        }
        next += 1;
    }
    // SAFETY: sets a flag on descriptors. Linux before 5.11 does not know the call; ours have the flag already.
    unsafe { libc::syscall(libc::SYS_close_range, next, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Ok(())
}
