//! Starting real processes.

use super::{
    Child, Command, HandedChild, Output, Pipe, Pipes, Spawner,
    birth::{Birth, FIRST},
    cgroup::{self, Cgroup},
    child::SystemChild,
    family::Family,
    group::{Group, Household},
    image::Image,
    limits::{self, Confinement, Limits},
    open_files::OpenFiles,
};
use crate::{handover::Descriptors, reaper::Reaper};
use rustix::{
    io::fcntl_dupfd_cloexec,
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::net::unix::pipe::Receiver;

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
    open_files: OpenFiles,
    /// How the control groups of version 1 begin that limit services.
    limited: OnceLock<String>,
}

/// How those who descend from a service are kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Together {
    /// By the kernel, in control groups below this one.
    Cgroups(PathBuf),
    /// By process group, parents and a mark in the environment: there is no control group of version 2 that may be written to.
    Marks,
}

/// How processes are kept together, as it is handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedTogether {
    home: Option<PathBuf>,
    copies: u64,
    limited: Option<String>,
    /// The limits on open files before ours grew.
    open_files: Option<(Option<u64>, Option<u64>)>,
}

impl SystemSpawner {
    /// Begins to listen for ended children on the current tokio runtime, and panics outside of one.
    pub fn new() -> io::Result<Self> {
        let open_files = OpenFiles::default();
        Ok(Self { reaper: Reaper::start()?, home: OnceLock::new(), limited: OnceLock::new(), open_files })
    }

    /// From now on each marked child gets a control group of its own, where that can be had, below one for `instance`. Where some
    /// shall be `limited`, the controllers of version 2 are passed on to them.
    pub fn keep_together(&self, instance: &str, limited: bool) -> Together {
        if self.home.get().is_none()
            && let Some(own) = cgroup::own()
            && let Ok(home) = Cgroup::at(&own, &home_of(instance))
            && home.can_kill()
        {
            // Who is in it is of an earlier life, and was asked to go by whoever calls this.
            let _ = home.kill();
            if limited {
                limits::pass_controllers_on(&own, &home);
            }
            let _ = self.home.set(home);
        }
        limits::clear_version_1(&format!("{}.", home_of(instance)));
        let _ = self.limited.set(home_of(instance));
        match self.home.get() {
            Some(home) => Together::Cgroups(home.path().to_owned()),
            None => Together::Marks,
        }
    }

    /// How processes are kept together, for the next version of this process: see [`SystemSpawner::go_on_together`].
    pub fn together(&self) -> HandedTogether {
        HandedTogether {
            home: self.home.get().map(|home| home.path().to_owned()),
            copies: cgroup::copies(0),
            limited: self.limited.get().cloned(),
            open_files: self.open_files.of_services().map(|limit| (limit.current, limit.maximum)),
        }
    }

    /// As an earlier version of this process has done; nobody is asked to go.
    pub fn go_on_together(&self, handed: HandedTogether) -> io::Result<()> {
        cgroup::copies(handed.copies);
        if let Some(home) = handed.home {
            let _ = self.home.set(Cgroup::again(home)?);
        }
        if let Some(limited) = handed.limited {
            let _ = self.limited.set(limited);
        }
        if let Some((current, maximum)) = handed.open_files {
            self.open_files.grew_from(rustix::process::Rlimit { current, maximum });
        }
        Ok(())
    }

    pub(super) fn reaper(&self) -> Reaper {
        self.reaper
    }

    fn confinement(&self, command: &Command, family: &Family) -> Confinement {
        if command.limits == Limits::default() {
            return Confinement::default();
        }
        let service = command.mark.as_ref().map_or("it", |mark| &mark.service);
        let home = self.limited.get().cloned().unwrap_or_else(|| home_of(&std::process::id().to_string()));
        let name = format!("{home}.{service}.{}", cgroup::next_copy());
        Confinement::of(&command.limits, family, &name)
    }

    fn family(&self, command: &Command) -> io::Result<Family> {
        match (&command.mark, self.home.get()) {
            (None, _) => Ok(Family::Untold),
            (Some(mark), None) => Ok(Family::Marked(mark.clone())),
            (Some(mark), Some(home)) => home.new_below(&mark.service).map(Family::Cgroup),
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
        let mut confinement = self.confinement(command, &family);
        let cgroup = if let Family::Cgroup(cgroup) = &family { Some(cgroup) } else { None };
        let Handover { sources, reserved: _reserved } = Handover::of(command)?;
        let mut birth = Birth::new(image, &command.cwd, theirs, sources)?;
        self.open_files.make_room(birth.newest());
        birth.open_files = self.open_files.of_services();
        birth.shares = command.output == Output::Shared;
        birth.limit_of_files = command.limits.files;
        birth.entrances = confinement.entrances()?;
        let started = self.reaper.register(|| birth.give(cgroup).map_err(|error| unstartable(command, &error)))?;
        confinement.look_at_files(&command.limits, started.pid);
        let mut group = Group::new(started.pid, started.pidfd, self.reaper, Household { family, confinement });
        group.alone = command.output == Output::Shared;
        Ok(Box::new(SystemChild::new(group, ours, started.ended)))
    }

    fn adopt(&self, handed: HandedChild, all: &mut Descriptors) -> io::Result<Box<dyn Child>> {
        self.take_over(handed, all)
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
type Outputs = (Option<Pipes>, Option<[OwnedFd; 2]>);

fn outputs(output: Output) -> io::Result<Outputs> {
    if output != Output::Piped {
        return Ok((None, None));
    }
    let (stdout, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, theirs_too) = pipe_with(PipeFlags::CLOEXEC)?;
    for end in [&stdout, &stderr] {
        // Who may not have a larger one, for the user has many, has one of the usual size.
        let _ = fcntl_setpipe_size(end, PIPE);
    }
    let read = |end| Receiver::from_owned_fd(end).map(|end| Box::new(end) as Box<dyn Pipe>);
    let ours = Pipes { stdout: read(stdout)?, stderr: read(stderr)? };
    Ok((Some(ours), Some([theirs, theirs_too])))
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

/// The listeners, copied above the numbers at which the child wants them, so that no copy overwrites another.
struct Handover {
    sources: Vec<OwnedFd>,
    /// Holds the wanted numbers that are free, so that the pipe over which a failure is told does not get one of them and is not
    /// overwritten in the child.
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
