//! A child that must not outlive whoever waits for it.

use super::{Child, Command, Exit, Pipes, Spawner};
use std::{
    io::{self, PipeWriter},
    os::fd::OwnedFd,
    sync::Arc,
};

/// A running child; when nobody waits for it any more, its whole group is killed.
pub struct Running {
    child: Box<dyn Child>,
    ended: bool,
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub fn start(spawner: &dyn Spawner, command: &Command) -> io::Result<Self> {
        Ok(Self { child: spawner.spawn(command)?, ended: false })
    }

    /// Its outputs, once.
    pub fn take_output(&mut self) -> Option<Pipes> {
        self.child.take_output()
    }

    /// Sends signal number `signal` to its whole group.
    ///
    /// # Errors
    /// Those of kill(2).
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.child.signal(signal)
    }

    /// Is anybody left of its group, or strayed from it?
    pub fn family_alive(&self) -> bool {
        self.child.group_alive()
    }

    /// Resolves when it has ended.
    ///
    /// # Errors
    /// Those of the wait.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        let exit = self.child.wait().await;
        self.ended = exit.is_ok();
        exit
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        const SIGKILL: i32 = 9;
        if !self.ended {
            // Nobody is left to tell when even that fails.
            let _ = self.child.signal(SIGKILL);
        }
    }
}

/// `ended with exit code 1`, `was ended by signal 9`.
pub fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with exit code {code}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
    }
}

/// A pipe into a child: the one end for [`Command::listeners`], where the child finds it as descriptor 3, the other to write to.
/// Drop the command once it is started, or the child's end is never noticed.
///
/// # Errors
/// Those of pipe(2).
pub fn inlet() -> io::Result<(Arc<OwnedFd>, PipeWriter)> {
    io::pipe().map(|(reader, writer)| (Arc::new(reader.into()), writer))
}
