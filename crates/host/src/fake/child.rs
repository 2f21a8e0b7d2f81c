//! One scripted child.

use super::spawner::{FakeSpawner, Life, Sent};
use crate::{
    Pending,
    process::{Child, Exit, Output, Pipes},
};
use std::{
    io::{self, Cursor},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

const KILL: i32 = libc::SIGKILL;

/// When and how a child ends, as far as that is settled.
pub(super) struct Fate {
    end: watch::Sender<Option<(Instant, Exit)>>,
    /// Somebody in its group goes on after its end.
    left_behind: AtomicBool,
}

impl Fate {
    pub(super) fn new(life: &Life, started: Instant) -> Self {
        let end = match life {
            Life::Ends(after, exit) | Life::Leaves(after, exit) => Some((started + *after, *exit)),
            Life::Prints(_) => Some((started, Exit::Code(0))),
            Life::NotFound | Life::Serves(_) | Life::Stubborn => None,
        };
        Self { end: watch::Sender::new(end), left_behind: AtomicBool::new(matches!(life, Life::Leaves(..))) }
    }

    /// An end that is settled already is only ever brought forward.
    pub(super) fn end(&self, at: Instant, exit: Exit) {
        self.end.send_if_modified(|end| {
            let sooner = end.is_none_or(|(settled, _)| at < settled);
            if sooner {
                *end = Some((at, exit));
            }
            sooner
        });
    }

    pub(super) fn has_ended(&self, now: Instant) -> bool {
        self.end.borrow().is_some_and(|(at, _)| at <= now)
    }
}

pub(super) struct FakeChild {
    spawner: FakeSpawner,
    pid: u32,
    life: Life,
    fate: Arc<Fate>,
    output: Option<Pipes>,
}

impl FakeChild {
    pub(super) fn new(spawner: FakeSpawner, pid: u32, life: Life, fate: Arc<Fate>, output: Output) -> Self {
        let printed = match &life {
            Life::Prints(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
            _ => String::new(),
        };
        let pipes = || Pipes { stdout: Box::new(Cursor::new(printed)), stderr: Box::new(tokio::io::empty()) };
        Self { spawner, pid, life, fate, output: (output == Output::Piped).then(pipes) }
    }
}

impl Child for FakeChild {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        let now = Instant::now();
        self.spawner.record(Sent { pid: self.pid, signal, at: now });
        match (signal, &self.life) {
            // Zero only asks whether anybody is there (kill(2)).
            (0, _) | (_, Life::Stubborn) if signal != KILL => {}
            (KILL, _) => {
                self.fate.left_behind.store(false, Ordering::Relaxed);
                self.fate.end(now, Exit::Signal(KILL));
            }
            (_, Life::Serves(takes)) => self.fate.end(now + *takes, Exit::Code(0)),
            _ => self.fate.end(now, Exit::Code(0)),
        }
        Ok(())
    }

    fn take_output(&mut self) -> Option<Pipes> {
        self.output.take()
    }

    fn wait(&mut self) -> Pending<'_, io::Result<Exit>> {
        let mut end = self.fate.end.subscribe();
        Box::pin(async move {
            loop {
                let settled = *end.borrow_and_update();
                let Some((at, exit)) = settled else {
                    end.changed().await.map_err(io::Error::other)?;
                    continue;
                };
                tokio::select! {
                    () = sleep_until(at) => return Ok(exit),
                    // It may be killed before its time.
                    Ok(()) = end.changed() => {}
                }
            }
        })
    }

    fn group_alive(&self) -> bool {
        self.fate.left_behind.load(Ordering::Relaxed) || !self.fate.has_ended(Instant::now())
    }
}
