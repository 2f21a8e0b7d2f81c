//! Child processes, seen only as far as a supervisor needs: start, signal, read, wait.

pub(crate) mod birth;
mod cgroup;
mod child;
mod detached;
mod family;
mod group;
mod handed;
pub(crate) mod image;
mod leftover;
mod limits;
mod mark;
mod meter;
mod one;
mod oneself;
mod open_files;
mod program;
mod running;
mod spawner;

pub use detached::{Detached, Watched, start_detached};
pub use handed::{HandedChild, pipe_of};
pub use leftover::{Leftover, end_leftovers, leftovers};
pub use limits::{Limit, Limits};
pub use mark::{Mark, RELEASE};
pub use meter::{Memory, Meter, Usage, usage};
pub use oneself::{Fatal, ask_self_to_stop, give_back_code, give_way, signal_self};
pub use program::find_program;
pub use running::{Running, ended, inlet};
pub use spawner::{HandedTogether, SystemSpawner, Together};

use crate::{
    Env, Pending,
    handover::{Descriptors, Handing},
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
};
use tokio::io::AsyncRead;

/// What to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The whole environment of the child.
    pub env: Env,
    /// Bound sockets, handed over from descriptor 3 on with `LISTEN_FDS` and `LISTEN_PID` (sd_listen_fds(3)).
    pub listeners: Vec<Arc<OwnedFd>>,
    /// What becomes of its output.
    pub output: Output,
    /// By what those are known who descend from it, so that nobody of them is left behind. Without it, who leaves its process
    /// group is let go.
    pub mark: Option<Mark>,
    /// What it and who descends from it may use at most.
    pub limits: Limits,
}

/// What becomes of a child's standard output and error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Read through [`Child::take_output`].
    Piped,
    /// Where mainstay's own output goes.
    Inherit,
    /// The same, and its input is mainstay's own; it stays in mainstay's process group, so that the keys of a terminal reach it.
    Shared,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal number.
    Signal(i32),
}

impl Exit {
    /// As a shell tells it: the code, or 128 and the number of the signal (POSIX, "Exit Status for Commands").
    pub fn shell_code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(number) => 128 + number,
        }
    }
}

/// The two outputs of a child.
pub struct Pipes {
    /// Standard output.
    pub stdout: Box<dyn Pipe>,
    /// Standard error.
    pub stderr: Box<dyn Pipe>,
}

/// An output of a child.
pub trait Pipe: AsyncRead + Send + Unpin {
    /// What is behind it, where the system knows it; nothing of it is read ahead.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Pipe for tokio::io::DuplexStream {}
impl Pipe for tokio::io::Empty {}
impl Pipe for io::Cursor<String> {}

/// Starts children.
pub trait Spawner: Send + Sync {
    /// Starts `command` in a process group of its own. It dies when mainstay is killed.
    fn spawn(&self, command: &Command) -> io::Result<Box<dyn Child>>;

    /// A child that an earlier version of this process has handed over.
    ///
    /// # Errors
    /// When it cannot be looked after.
    fn adopt(&self, _handed: HandedChild, _all: &mut Descriptors) -> io::Result<Box<dyn Child>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A running child.
pub trait Child: Send {
    /// Its process id, which is its group's too.
    fn pid(&self) -> u32;
    /// Sends signal number `signal` to its whole group, and to who has strayed from it. Nobody left there is not an error.
    fn signal(&self, signal: i32) -> io::Result<()>;
    /// The outputs, once, when they are piped.
    fn take_output(&mut self) -> Option<Pipes>;
    /// Resolves when it has ended. Safe to drop and call again.
    fn wait(&mut self) -> Pending<'_, io::Result<Exit>>;
    /// Which of its limits are in force.
    fn limits(&self) -> &[Limit] {
        &[]
    }
    /// What tells how much it and its family use; nothing of a scripted one.
    fn meter(&self) -> Option<Meter> {
        None
    }
    /// How the next version of this process knows it. Valid while [ends are held](SystemSpawner::hold_ends).
    ///
    /// # Errors
    /// When it is not one that the system knows.
    fn hand_over(&self, _all: &mut Handing) -> io::Result<HandedChild> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Is anybody left, in its group or strayed from it, that is not a zombie?
    fn group_alive(&self) -> bool;
}
