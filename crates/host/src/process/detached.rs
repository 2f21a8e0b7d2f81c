//! Starting ourselves once more, free of the terminal and of whoever started us.

use super::{Exit, SystemSpawner, birth::Born};
use crate::{Env, handover::own_path, reaper::Ended};
use rustix::{
    fs::{Mode, OFlags, open},
    process::setsid,
};
use std::{
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

/// This program, started once more. It lives on when this process ends.
#[derive(Debug)]
pub struct Detached(std::process::Child);

/// Starts this very program with `arguments` in a session of its own, as daemon(7) asks for: no terminal, no input, and
/// both outputs appended to the file `log`, which is made with the mode 0600.
pub fn start_detached(arguments: &[String], env: &Env, cwd: &Path, log: &Path) -> io::Result<Detached> {
    start(arguments, env, cwd, log).map(Detached)
}

/// The same where orphans are reaped: nobody else may wait for it then. Nobody is told of its end in a later version of this process.
pub struct Watched {
    pid: u32,
    ended: Ended,
}

impl Watched {
    /// As [`start_detached`].
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(spawner: &SystemSpawner, arguments: &[String], env: &Env, cwd: &Path, log: &Path) -> io::Result<Self> {
        let born = || start(arguments, env, cwd, log).map(|child| Born { pid: child.id(), pidfd: None });
        let registered = spawner.reaper().register(born)?;
        Ok(Self { pid: registered.pid, ended: registered.ended })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Resolves when it has ended.
    ///
    /// # Errors
    /// Somebody else was told of it.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        self.ended.wait().await
    }
}

fn start(arguments: &[String], env: &Env, cwd: &Path, log: &Path) -> io::Result<std::process::Child> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let log = open(log, flags, Mode::from_raw_mode(0o600))?;
    // The file that runs now, even when another one has been put in its place.
    #[expect(clippy::disallowed_methods, reason = "this is the crate that starts processes")]
    let mut command = Command::new("/proc/self/exe");
    // Where another version will be put is told by the name it is started by.
    let name = own_path(env, cwd).unwrap_or_else(|_| "mainstay".into());
    command.arg0(name).args(arguments).env_clear().envs(env).current_dir(cwd);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    #[expect(unsafe_code, reason = "what a child does to itself before it executes the program")]
    // SAFETY: one system call, which neither allocates nor locks (signal-safety(7)).
    unsafe {
        command.pre_exec(|| setsid().map(drop).map_err(io::Error::from));
    }
    command.spawn()
}

impl Detached {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The code with which it has ended, 128 and the number for a signal; nothing while it runs.
    pub fn ended(&mut self) -> io::Result<Option<u8>> {
        Ok(self.0.try_wait()?.map(code))
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
