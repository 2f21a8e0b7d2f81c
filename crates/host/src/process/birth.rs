//! From the fork until the program runs: the child makes itself what it is to be, and tells when that fails.

use super::{cgroup::Cgroup, image::Image};
use rustix::{
    fs::{Mode, OFlags, open},
    pipe::{PipeFlags, pipe_with},
    process::{
        Pid, Resource, Rlimit, Signal, WaitOptions, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
        waitpid,
    },
};
use std::{
    ffi::{CStr, CString},
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

/// The first descriptor that is handed over (sd_listen_fds(3)).
pub(super) const FIRST: RawFd = 3;

/// Flags of clone3(2): Linux 5.2, 5.5 and 5.7.
const CLONE_PIDFD: u64 = 0x1000;
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` as of Linux 5.7 (linux/sched.h).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// A program together with all that a child needs to become it. Everything is allocated before the fork.
pub(super) struct Birth {
    image: Image,
    cwd: CString,
    stdin: OwnedFd,
    /// Standard output and error; those of mainstay when there are none.
    outputs: Option<[OwnedFd; 2]>,
    /// Listeners, at numbers above those at which the child wants them.
    listeners: Vec<OwnedFd>,
    /// How many files it may have open, where that is not what we may.
    pub(super) open_files: Option<Rlimit>,
    /// The same where its owner has said so: as many, or as may be; whoever starts it looks what has become of it.
    pub(super) limit_of_files: Option<u64>,
    /// Further control groups that it enters.
    pub(super) entrances: Vec<OwnedFd>,
    /// Does it read what we would, and stay in our group?
    pub(super) shares: bool,
}

/// A child that has become its program.
pub(crate) struct Born {
    pub(crate) pid: u32,
    /// Missing where the kernel gave none.
    pub(crate) pidfd: Option<OwnedFd>,
}

/// What the fork has come to.
enum Forked {
    Child,
    Parent(Born),
}

impl Birth {
    pub(super) fn new(
        image: Image,
        cwd: &Path,
        outputs: Option<[OwnedFd; 2]>,
        listeners: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let cwd = CString::new(cwd.as_os_str().as_bytes()).map_err(io::Error::other)?;
        let stdin = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self {
            image,
            cwd,
            stdin,
            outputs,
            listeners,
            open_files: None,
            limit_of_files: None,
            entrances: Vec::new(),
            shares: false,
        })
    }

    /// The descriptor that was opened last.
    pub(super) fn newest(&self) -> RawFd {
        self.stdin.as_raw_fd()
    }

    /// Starts the child, in `cgroup` if there is one, and waits until it has become its program or has failed to.
    pub(super) fn give(mut self, cgroup: Option<&Cgroup>) -> io::Result<Born> {
        let directory = cgroup.map(Cgroup::directory).transpose()?;
        match self.give_by(|| clone_into(directory.as_ref()), None) {
            Ok(Some(born)) => return Ok(born),
            Err(error) if !is_unknown(&error) => return Err(error),
            // Stillborn: newer kernels kill a child whose group was killed more often before than ours, or less often.
            Ok(None) | Err(_) => {}
        }
        let entrance = cgroup.map(Cgroup::entrance).transpose()?;
        self.give_by(fork, entrance.as_ref())?.ok_or_else(|| io::Error::other("it was killed before it began"))
    }

    /// Nothing when the child was killed before it did anything.
    fn give_by(
        &mut self,
        split: impl FnOnce() -> io::Result<Forked>,
        entrance: Option<&OwnedFd>,
    ) -> io::Result<Option<Born>> {
        let parent = std::process::id();
        let (failed, fails) = pipe_with(PipeFlags::CLOEXEC)?;
        match split()? {
            Forked::Child => self.become_program(entrance, parent, &fails),
            Forked::Parent(born) => {
                drop(fails);
                match said(&failed) {
                    Said::Became => Ok(Some(born)),
                    Said::Failed(error) => {
                        bury(born.pid);
                        Err(error)
                    }
                    Said::Nothing => {
                        bury(born.pid);
                        Ok(None)
                    }
                }
            }
        }
    }

    /// In the child: system calls only, nothing is allocated and nothing locked (signal-safety(7)).
    fn become_program(&mut self, entrance: Option<&OwnedFd>, parent: u32, fails: &OwnedFd) -> ! {
        let _ = rustix::io::write(fails, &[HERE]);
        let error = self.try_to_become(entrance, parent);
        let number = error.raw_os_error().unwrap_or(libc::EIO);
        let _ = rustix::io::write(fails, &number.to_ne_bytes());
        exit_at_once()
    }

    /// Returns only when the program cannot be executed.
    fn try_to_become(&mut self, entrance: Option<&OwnedFd>, parent: u32) -> io::Error {
        if let Err(error) = self.prepare(entrance, parent) {
            return error;
        }
        self.image.exec_in_child()
    }

    fn prepare(&self, entrance: Option<&OwnedFd>, parent: u32) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Our parent may have ended before the request: then nobody will send the signal.
        if getppid().map(|pid| pid.as_raw_pid().cast_unsigned()) != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // "0" means whoever writes (cgroups(7)).
        for entrance in entrance.into_iter().chain(&self.entrances) {
            rustix::io::write(entrance, b"0")?;
        }
        default_signals();
        if !self.shares {
            put(&self.stdin, 0)?;
        }
        for (output, number) in self.outputs.iter().flatten().zip(1..) {
            put(output, number)?;
        }
        if let Some(limit) = &self.open_files {
            setrlimit(Resource::Nofile, *limit)?;
        }
        self.limit_of_files.into_iter().for_each(limit_files);
        enter(&self.cwd)?;
        if !self.shares {
            rustix::process::setpgid(None, None)?;
        }
        self.pass_on()
    }

    /// Puts the listeners where the program looks for them; everything else closes when it is executed.
    #[expect(unsafe_code, reason = "the kernel is asked by number, libc has no function for it everywhere")]
    fn pass_on(&self) -> io::Result<()> {
        let mut next = FIRST;
        for listener in &self.listeners {
            put(listener, next)?;
            next += 1;
        }
        // SAFETY: sets a flag on descriptors. Linux before 5.11 does not know the call; ours have the flag already.
        unsafe { libc::syscall(libc::SYS_close_range, next, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        Ok(())
    }
}

/// The kernel, or who guards it, does not know this way to fork.
fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL | libc::E2BIG | libc::EPERM))
}

/// A child that is born in its control group. One that moves there later has to wait until no thread of the machine is just being
/// made or ended, which takes many milliseconds. No handler of ours runs in it, not even for a moment.
fn clone_into(cgroup: Option<&OwnedFd>) -> io::Result<Forked> {
    let mut pidfd: RawFd = -1;
    let into = if cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    let arguments = CloneArgs {
        flags: CLONE_PIDFD | CLONE_CLEAR_SIGHAND | into,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        cgroup: cgroup.map_or(0, |cgroup| u64::from(cgroup.as_raw_fd().cast_unsigned())),
        ..CloneArgs::default()
    };
    #[expect(unsafe_code, reason = "libc has no function for it")]
    // SAFETY: without CLONE_VM the child has a copy of all memory, this stack included, as after fork(2). It makes system calls only
    // until it executes a program or ends.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArgs>()) };
    match u32::try_from(pid) {
        Err(_) => Err(io::Error::last_os_error()),
        Ok(0) => Ok(Forked::Child),
        Ok(pid) => {
            #[expect(unsafe_code, reason = "a new descriptor comes as a number")]
            // SAFETY: the kernel has just opened it for us, close-on-exec.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Forked::Parent(Born { pid, pidfd: Some(pidfd) }))
        }
    }
}

/// The old way.
#[expect(unsafe_code, reason = "fork has no safe interface")]
fn fork() -> io::Result<Forked> {
    // SAFETY: the child makes system calls only until it executes a program or ends.
    match unsafe { libc::fork() } {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(Born { pid: pid.cast_unsigned(), pidfd: None })),
    }
}

/// The first that a child says.
const HERE: u8 = b'!';

/// What a child has said until its end of the pipe was closed, by its becoming the program or by its end.
enum Said {
    Nothing,
    Became,
    Failed(io::Error),
}

fn said(failed: &OwnedFd) -> Said {
    let (mut here, mut number) = ([0; 1], [0; 4]);
    match (read(failed, &mut here), read(failed, &mut number)) {
        (0, _) => Said::Nothing,
        (_, 4) => Said::Failed(io::Error::from_raw_os_error(i32::from_ne_bytes(number))),
        _ => Said::Became,
    }
}

fn read(from: &OwnedFd, into: &mut [u8]) -> usize {
    rustix::io::retry_on_intr(|| rustix::io::read(from, &mut *into)).unwrap_or_default()
}

/// A child that has failed is not left as a zombie.
fn bury(pid: u32) {
    let _ = rustix::io::retry_on_intr(|| waitpid(Pid::from_raw(pid.cast_signed()), WaitOptions::empty()));
}

#[expect(unsafe_code, reason = "ending without any handler of the parent has no safe interface")]
fn exit_at_once() -> ! {
    // SAFETY: ends this process, and runs nothing.
    unsafe { libc::_exit(1) }
}

/// An ignored signal would stay ignored in the program (execve(2)), a blocked one blocked.
#[expect(unsafe_code, reason = "dispositions have no safe interface")]
fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: sets no handler. The numbers that cannot be set are refused, which is of no consequence.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: an empty set is written before it is read.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

fn limit_files(files: u64) {
    let both = |files| Rlimit { current: Some(files), maximum: Some(files) };
    if setrlimit(Resource::Nofile, both(files)).is_err()
        && let Some(most) = getrlimit(Resource::Nofile).maximum
    {
        let _ = setrlimit(Resource::Nofile, both(most));
    }
}

#[expect(unsafe_code, reason = "the target is a number, not a descriptor that anybody owns")]
fn put(descriptor: &OwnedFd, number: RawFd) -> io::Result<()> {
    // SAFETY: replaces a descriptor of the child, where nothing of ours runs any more that could use it.
    if unsafe { libc::dup2(descriptor.as_raw_fd(), number) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn enter(directory: &CStr) -> io::Result<()> {
    Ok(rustix::process::chdir(directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    fn birth(words: &[&str]) -> Birth {
        let argv: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let image = Image::new(&argv, &Env::new(), Path::new("/"), 0).unwrap();
        Birth::new(image, Path::new("/"), None, Vec::new()).unwrap()
    }

    fn code(born: &Born) -> Option<i32> {
        let (_, status) = waitpid(Pid::from_raw(born.pid.cast_signed()), WaitOptions::empty()).unwrap()?;
        status.exit_status()
    }

    /// S2.8: where the kernel, or who guards it, knows no clone3, everything is as it was.
    #[test]
    fn a_child_is_born_in_the_old_way_too() {
        let born = birth(&["/bin/sh", "-c", "exit 7"]).give_by(fork, None).unwrap().unwrap();
        assert_eq!((code(&born), born.pidfd.is_none()), (Some(7), true));
        let born = birth(&["/bin/sh", "-c", "exit 8"]).give(None).unwrap();
        assert_eq!(code(&born), Some(8));
        assert!([libc::ENOSYS, libc::EPERM].map(io::Error::from_raw_os_error).iter().all(is_unknown));
    }

    /// S2.8: as the kernel does it to one that is born in a group that was killed before.
    #[test]
    fn a_child_that_is_killed_before_it_begins_is_told_apart() {
        let kill = || {
            let forked = fork()?;
            match &forked {
                // It is killed here.
                Forked::Child => loop {
                    std::hint::spin_loop();
                },
                Forked::Parent(born) => {
                    let child = Pid::from_raw(born.pid.cast_signed()).unwrap();
                    rustix::process::kill_process(child, Signal::KILL)?;
                }
            }
            Ok(forked)
        };
        assert!(birth(&["/bin/true"]).give_by(kill, None).unwrap().is_none());
    }

    #[test]
    fn a_child_tells_why_it_cannot_become_its_program() {
        for by in [fork, || clone_into(None)] {
            let mut child = birth(&["/bin/sh"]);
            child.cwd = c"/nowhere/at/all".to_owned();
            let failed = child.give_by(by, None).err().unwrap();
            assert_eq!(failed.raw_os_error(), Some(libc::ENOENT));
        }
    }
}
