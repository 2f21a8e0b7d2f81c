//! A spawner whose children live scripted lives, on tokio's clock: with paused time a day costs nothing.

use super::child::{FakeChild, Fate};
use crate::{
    Env,
    process::{Child, Command, Exit, Spawner},
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The life of one scripted child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// Cannot be started at all.
    NotFound,
    /// Ends by itself after this long. Stops at once with code 0 when asked.
    Ends(Duration, Exit),
    /// Runs until asked to stop (any signal but `KILL`), then takes this long and ends with code 0.
    Serves(Duration),
    /// Ignores every signal but `KILL`.
    Stubborn,
    /// Writes these lines to its standard output and ends with code 0.
    Prints(Vec<String>),
    /// Ends by itself after this long and leaves somebody in its group who heeds only `KILL`.
    Leaves(Duration, Exit),
}

/// A child that was started.
#[derive(Clone, Debug)]
pub struct Spawned {
    /// Its made-up process id, counted from 1.
    pub pid: u32,
    /// Its command.
    pub argv: Vec<String>,
    /// Its environment.
    pub env: Env,
    /// How many listeners it got.
    pub listeners: usize,
    /// When.
    pub at: Instant,
}

/// A signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// To the group of this child.
    pub pid: u32,
    /// The number of the signal.
    pub signal: i32,
    /// When.
    pub at: Instant,
}

/// Hands out scripted lives in order, repeating the last, and records what happens. Clones share everything.
#[derive(Clone, Default)]
pub struct FakeSpawner(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    lives: VecDeque<Life>,
    by_program: BTreeMap<String, VecDeque<Life>>,
    spawned: Vec<Spawned>,
    sent: Vec<Sent>,
    fates: BTreeMap<u32, Arc<Fate>>,
}

impl FakeSpawner {
    /// A spawner whose children live these lives, whatever they are called.
    pub fn new(lives: impl IntoIterator<Item = Life>) -> Self {
        Self(Arc::new(Mutex::new(Script { lives: lives.into_iter().collect(), ..Script::default() })))
    }

    /// The children whose `argv[0]` is `program` live these lives instead.
    #[must_use]
    pub fn program(self, program: &str, lives: impl IntoIterator<Item = Life>) -> Self {
        self.script().by_program.insert(program.to_owned(), lives.into_iter().collect());
        self
    }

    /// Every child that was started, in order.
    pub fn spawned(&self) -> Vec<Spawned> {
        self.script().spawned.clone()
    }

    /// Every signal that was sent, in order.
    pub fn signals(&self) -> Vec<Sent> {
        self.script().sent.clone()
    }

    /// The children that have not ended.
    pub fn alive(&self) -> Vec<u32> {
        let now = Instant::now();
        self.script().fates.iter().filter(|(_, fate)| !fate.has_ended(now)).map(|(pid, _)| *pid).collect()
    }

    /// Ends child `pid` now, as a crash would.
    pub fn end(&self, pid: u32, exit: Exit) {
        if let Some(fate) = self.script().fates.get(&pid) {
            fate.end(Instant::now(), exit);
        }
    }

    pub(super) fn record(&self, sent: Sent) {
        self.script().sent.push(sent);
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawner for FakeSpawner {
    fn spawn(&self, command: &Command) -> io::Result<Box<dyn Child>> {
        let mut script = self.script();
        let program = command.argv.first().cloned().unwrap_or_default();
        let life = script.next_life(&program);
        if life == Life::NotFound {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("command `{program}` not found in PATH `fake`"),
            ));
        }
        let (pid, at) = (script.spawned.len() as u32 + 1, Instant::now());
        let (argv, env, listeners) = (command.argv.clone(), command.env.clone(), command.listeners.len());
        script.spawned.push(Spawned { pid, argv, env, listeners, at });
        let fate = Arc::new(Fate::new(&life, at));
        script.fates.insert(pid, fate.clone());
        Ok(Box::new(FakeChild::new(self.clone(), pid, life, fate, command.output)))
    }
}

impl Script {
    fn next_life(&mut self, program: &str) -> Life {
        let lives = self.by_program.get_mut(program).unwrap_or(&mut self.lives);
        let life = if lives.len() > 1 { lives.pop_front() } else { lives.front().cloned() };
        life.unwrap_or(Life::NotFound)
    }
}
