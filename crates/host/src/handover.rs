//! Becoming a later version of oneself: the process stays, and with it its children, its open descriptors and its locks.
//!
//! What is not in the kernel is written into sealed memory (memfd_create(2)) and passed on with the number of its descriptor in
//! a variable. Signals that come between the two programs wait: they are blocked, and a mask outlives execve(2).

mod door;
mod line;
pub mod moment;

pub use door::{Door, Guest, Shut};
pub use line::Line;

use crate::{Env, process::image::Image};
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create},
    io::{FdFlags, fcntl_getfd, fcntl_setfd},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::fs::FileExt,
    },
    path::{Path, PathBuf},
};

/// The variable with the number of the descriptor.
const VARIABLE: &str = "MAINSTAY_TAKE_OVER";

/// Nothing and nobody can change what is sealed like this.
const SEALS: SealFlags = SealFlags::SEAL.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::WRITE);

/// The signals that somebody may send meanwhile; each would end a program that does not listen yet.
const HELD_UP: [libc::c_int; 6] =
    [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Where the state stands for a program that is only asked whether it could take over: the first descriptor after the standard ones.
const SHOWN: RawFd = 3;

/// The numbers of descriptors that are handed over. Whoever owns them keeps them open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handing(Vec<RawFd>);

impl Handing {
    /// One more; answers its number.
    pub fn put(&mut self, descriptor: &impl AsFd) -> RawFd {
        let number = descriptor.as_fd().as_raw_fd();
        self.0.push(number);
        number
    }

    /// All of `other`, too.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All numbers.
    pub fn numbers(&self) -> &[RawFd] {
        &self.0
    }

    /// Do they stay open when this process executes a program?
    fn outlive(&self, yes: bool) -> io::Result<()> {
        self.0.iter().try_for_each(|number| outlive(&borrowed(*number)?, yes))
    }
}

/// Descriptors that an earlier version of this process has handed over, by their numbers.
#[derive(Debug, Default)]
pub struct Descriptors(BTreeMap<RawFd, OwnedFd>);

impl Descriptors {
    /// The one of this number, once.
    ///
    /// # Errors
    /// When there is none, or it was taken already.
    pub fn take(&mut self, number: RawFd) -> io::Result<OwnedFd> {
        self.0.remove(&number).ok_or_else(|| io::Error::other(format!("descriptor {number} was not handed over")))
    }

    /// Those of these numbers, which an earlier version of this process has left open. From now on children do not get them.
    ///
    /// # Errors
    /// When one is not open, or is one that was never left.
    pub fn arrived(numbers: &[RawFd]) -> io::Result<Self> {
        let mut all = Self::default();
        for number in numbers {
            if *number <= 2 || all.0.contains_key(number) {
                return Err(io::Error::other(format!("descriptor {number} cannot have been handed over")));
            }
            let descriptor = own(*number)?;
            outlive(&descriptor, false)?;
            all.0.insert(*number, descriptor);
        }
        Ok(all)
    }
}

fn outlive(descriptor: &impl AsFd, yes: bool) -> io::Result<()> {
    Ok(fcntl_setfd(descriptor, if yes { FdFlags::empty() } else { FdFlags::CLOEXEC })?)
}

/// A descriptor that is open.
#[expect(unsafe_code, reason = "a number stands for a descriptor that somebody else owns")]
fn borrowed<'a>(number: RawFd) -> io::Result<BorrowedFd<'a>> {
    if number < 0 {
        return Err(io::Error::other(format!("{number} is no descriptor")));
    }
    // SAFETY: it is not -1, and used only to ask the kernel, which says when it is not open.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let open = fcntl_getfd(descriptor);
    open.map_err(|error| io::Error::new(error.kind(), format!("descriptor {number}: {error}")))?;
    Ok(descriptor)
}

/// A descriptor that is open and belongs to nobody in this program.
#[expect(unsafe_code, reason = "a number that came from an earlier program of this process")]
fn own(number: RawFd) -> io::Result<OwnedFd> {
    if fcntl_getfd(borrowed(number)?)?.contains(FdFlags::CLOEXEC) {
        return Err(io::Error::other(format!("descriptor {number} was not left")));
    }
    // SAFETY: it is open without FD_CLOEXEC, which this program sets on all of its own, so that nothing in it can own it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// `text` where nobody can change it any more.
pub fn seal(text: &[u8]) -> io::Result<OwnedFd> {
    let memory = memfd_create("mainstay", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(memory);
    file.write_all(text)?;
    fcntl_add_seals(&file, SEALS)?;
    Ok(file.into())
}

/// What was sealed.
///
/// # Errors
/// When it is not sealed, or longer than `most` bytes.
pub fn unseal(memory: &OwnedFd, most: u64) -> io::Result<Vec<u8>> {
    if !fcntl_get_seals(memory)?.contains(SEALS) {
        return Err(io::Error::other("it is not sealed"));
    }
    let size = u64::try_from(fstat(memory)?.st_size).unwrap_or(u64::MAX);
    if size > most {
        return Err(io::Error::other(format!("it has {size} bytes; {most} are the most")));
    }
    let mut text = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    File::from(memory.try_clone()?).read_exact_at(&mut text, 0)?;
    Ok(text)
}

/// What an earlier version of this process has left, if it has. The variable is taken out of `env`.
pub fn left(env: &mut Env) -> Option<io::Result<OwnedFd>> {
    let number = env.remove(VARIABLE)?;
    let sealed = number.parse().map_err(io::Error::other).and_then(|number: RawFd| match number {
        ..=2 => Err(io::Error::other("that is a standard descriptor")),
        number => own(number),
    });
    Some(sealed.and_then(|memory| outlive(&memory, false).map(|()| memory)))
}

/// What this program was shown, as one that is asked whether it could take over.
///
/// # Errors
/// When nothing was shown.
pub fn shown() -> io::Result<OwnedFd> {
    own(SHOWN)
}

/// Executes `program` in place of this one, with the same arguments; `state` and `descriptors` stay open. Returns only when
/// that fails; then everything is as before.
pub fn become_again(program: &Path, env: &Env, cwd: &Path, state: &OwnedFd, descriptors: &Handing) -> io::Error {
    let mut env = env.clone();
    env.insert(VARIABLE.to_owned(), state.as_raw_fd().to_string());
    let argv: Vec<_> = [program.to_string_lossy().into_owned()].into_iter().chain(crate::env::arguments()).collect();
    let image = Image::in_our_place(&argv, &env, cwd);
    let exec: io::Result<()> = image.and_then(|mut image| {
        outlive(state, true)?;
        descriptors.outlive(true)?;
        Err(holding_signals_up(|| image.exec()))
    });
    let error = exec.err().unwrap_or_else(io::Error::last_os_error);
    let _ = outlive(state, false);
    let _ = descriptors.outlive(false);
    error
}

fn holding_signals_up(exec: impl FnOnce() -> io::Error) -> io::Error {
    mask(libc::SIG_BLOCK);
    let error = exec();
    mask(libc::SIG_UNBLOCK);
    error
}

/// Signals that were held up arrive. Call it once somebody listens to them.
pub fn let_signals_in() {
    mask(libc::SIG_UNBLOCK);
}

#[expect(unsafe_code, reason = "signal masks have no safe interface")]
fn mask(how: libc::c_int) {
    // SAFETY: plain libc calls on a local, initialised set.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        HELD_UP.iter().for_each(|signal| {
            libc::sigaddset(&raw mut set, *signal);
        });
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
    }
}

/// The path that this program was started by, where another version of it will be put: as it was typed, when that leads
/// here. Ask before anything could have been put there.
pub fn own_path(env: &Env, cwd: &Path) -> io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let same = |path: &Path| {
        let (ours, theirs) = (rustix::fs::stat("/proc/self/exe"), rustix::fs::stat(path));
        matches!((ours, theirs), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
    };
    let typed = std::env::args_os().next().map(|name| name.to_string_lossy().into_owned());
    let typed = typed.and_then(|name| crate::process::find_program(&name, env, cwd).ok());
    // What stands below /proc is always this very file.
    Ok(typed.filter(|path| same(path) && !path.starts_with("/proc")).unwrap_or(here))
}

/// Does a program stand at `path` that the kernel itself can execute? What is not would be run by a shell.
///
/// # Errors
/// When it cannot be read.
pub fn is_program(path: &Path) -> io::Result<bool> {
    let mut magic = [0; 4];
    match File::open(path)?.read_exact(&mut magic) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| magic == *b"\x7fELF"),
    }
}

/// Is what stands at `path` another file than the one that runs?
pub fn is_another(path: &Path) -> bool {
    let (ours, theirs) = (rustix::fs::stat("/proc/self/exe"), rustix::fs::stat(path));
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            (ours.st_dev, ours.st_ino, ours.st_size, ours.st_mtime)
                != (theirs.st_dev, theirs.st_ino, theirs.st_size, theirs.st_mtime)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_and_nothing_else_is() {
        let state = seal(b"state").unwrap();
        assert_eq!(unseal(&state, 100).unwrap(), b"state");
        assert_eq!(unseal(&state, 4).unwrap_err().to_string(), "it has 5 bytes; 4 are the most");
        let open = memfd_create("open", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(unseal(&open, 100).unwrap_err().to_string(), "it is not sealed");
        let (pipe, _) = std::io::pipe().unwrap();
        assert!(unseal(&pipe.into(), 100).is_err());
    }

    #[test]
    fn only_what_was_left_open_arrives() {
        let ours = seal(b"").unwrap();
        for number in [0, 2, -1, 1_000_000, ours.as_raw_fd()] {
            assert!(Descriptors::arrived(&[number]).is_err(), "{number}");
            let mut env = Env::from([(VARIABLE.to_owned(), number.to_string())]);
            assert!(left(&mut env).unwrap().is_err() && env.is_empty(), "{number}");
        }
        assert!(left(&mut Env::new()).is_none());
        assert!(Descriptors::default().take(ours.as_raw_fd()).is_err());
        assert_eq!(Handing::default().put(&ours), ours.as_raw_fd());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "this is the crate that touches the machine")]
    fn a_text_is_no_program() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("empty", &b""[..]), ("text", b"echo hello"), ("script", b"#!/bin/sh\n")] {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            assert!(!is_program(&path).unwrap(), "{name}");
            assert!(is_another(&path));
        }
        assert!(is_program(Path::new("/proc/self/exe")).unwrap() && !is_another(Path::new("/proc/self/exe")));
        assert!(is_program(&dir.path().join("none")).is_err());
    }
}
