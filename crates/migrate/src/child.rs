//! A child that must not outlive whoever waits for it.

use host::process::{Child, Command, Exit, Pipes, Spawner};
use std::io;

/// A running child; when nobody waits for it any more, its whole group is killed.
pub(crate) struct Running {
    child: Box<dyn Child>,
    ended: bool,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(spawner: &dyn Spawner, command: &Command) -> io::Result<Self> {
        Ok(Self { child: spawner.spawn(command)?, ended: false })
    }

    /// Its outputs, once.
    pub(crate) fn take_output(&mut self) -> Option<Pipes> {
        self.child.take_output()
    }

    /// Resolves when it has ended.
    pub(crate) async fn wait(&mut self) -> io::Result<Exit> {
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
pub(crate) fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with exit code {code}"),
        Exit::Signal(signal) => format!("was ended by signal {signal}"),
    }
}
