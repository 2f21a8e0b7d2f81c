//! Starting ourselves once more, free of the terminal and of whoever started us.

use crate::{Env, handover::own_path};
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
    command.spawn().map(Detached)
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
