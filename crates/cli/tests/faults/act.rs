//! What can break, and what people do meanwhile.

use crate::world::{SERVICES, World};
use std::{fs, io::Write};
use testkit::{Shutdown, Signal, signal};

/// One act of a schedule. Those that break something mend it when it is broken already.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    KillDatabase,
    StopDatabase,
    StallDatabase,
    MendDatabase,
    Kill(usize, usize),
    Freeze(usize),
    /// For so many milliseconds; the next act may come before it listens again.
    KillMainstay {
        dead_for: u64,
        patient: bool,
    },
    Restart(usize),
    Stop(usize),
    Start(usize),
    RunNow,
    Reload,
    Reexec,
    Second,
    Disk,
    Journal(u8),
    Logs,
    Health,
}

const SIGNALS: [(Signal, i32); 4] = [(Signal::KILL, 9), (Signal::TERM, 15), (Signal::SEGV, 11), (Signal::ABORT, 6)];

impl Act {
    pub fn any(dice: &mut fastrand::Rng) -> Self {
        let service = dice.usize(0..SERVICES.len());
        match dice.u8(0..24) {
            0 => Self::KillDatabase,
            1 => Self::StopDatabase,
            2 => Self::StallDatabase,
            3 | 4 => Self::MendDatabase,
            5 | 6 => Self::Kill(service, dice.usize(0..SIGNALS.len())),
            7 => Self::Freeze(service),
            8 | 9 => Self::KillMainstay { dead_for: dice.u64(0..300), patient: dice.u8(0..4) > 0 },
            10 | 11 => Self::Restart(service),
            12 => Self::Stop(service),
            13 => Self::Start(service),
            14 => Self::RunNow,
            15 => Self::Reload,
            16 => Self::Second,
            17 | 18 => Self::Disk,
            19 => Self::Journal(dice.u8(0..4)),
            20 => Self::Logs,
            21 | 22 => Self::Reexec,
            _ => Self::Health,
        }
    }

    pub fn perform(self, world: &mut World<'_>) {
        world.note(format!("{self:?}"));
        match self {
            Self::KillDatabase | Self::StopDatabase => self.end_database(world),
            Self::StallDatabase => {
                if world.cluster.running() {
                    world.stalled = true;
                    signal(world.cluster.pid(), Signal::STOP);
                }
            }
            Self::MendDatabase => world.mend_database(),
            Self::Kill(service, by) => kill(world, SERVICES[service], SIGNALS[by]),
            Self::Freeze(service) => {
                world.newest(SERVICES[service]).into_iter().for_each(|pid| signal(pid, Signal::STOP));
            }
            Self::KillMainstay { dead_for, patient } => {
                world.kill_mainstay();
                world.live_on(dead_for);
                world.begin();
                if patient {
                    world.wait_for_services();
                }
            }
            Self::Restart(service) => ask(world, &["restart", SERVICES[service], "--timeout", "2s"]),
            Self::Stop(service) => ask(world, &["stop", SERVICES[service], "--timeout", "2s"]),
            Self::Start(service) => ask(world, &["start", SERVICES[service], "--timeout", "2s"]),
            Self::RunNow => ask(world, &["run-now", "tick", "--detach"]),
            Self::Reload => {
                world.configure();
                ask(world, &["reload"]);
            }
            Self::Reexec => ask(world, &["reexec"]),
            Self::Second => second(world),
            Self::Disk if world.is_full() => fs::remove_file(world.path("data/theirs")).unwrap(),
            Self::Disk => world.fill(),
            Self::Journal(how) => break_journal(world, how),
            Self::Logs => {
                let _ = fs::remove_dir_all(world.path("data/logs"));
            }
            Self::Health if world.path("sick").exists() => world.cure(),
            Self::Health => world.sicken(),
        }
    }

    fn end_database(self, world: &mut World<'_>) {
        if std::mem::take(&mut world.stalled) {
            signal(world.cluster.pid(), Signal::CONT);
        }
        match self {
            Self::KillDatabase => world.cluster.kill9(),
            _ => world.cluster.stop(Shutdown::Immediate),
        }
    }
}

fn kill(world: &mut World<'_>, name: &'static str, (by, number): (Signal, i32)) {
    if let Some(pid) = world.newest(name) {
        world.truth.kills.push((name, pid, number));
        signal(pid, by);
    }
}

/// An order may come at a bad time, but is always answered by one of the words that there are.
fn ask(world: &mut World<'_>, arguments: &[&str]) {
    let code = world.order(arguments);
    if ![0, 1, 3, 75].contains(&code) {
        world.violated(format!("`{}` has ended with {code}", arguments.join(" ")));
    }
}

/// The same configuration once more: it ends at once, and nobody is disturbed.
fn second(world: &mut World<'_>) {
    let holds = world.life.as_mut().is_some_and(|life| life.running() && life.stderr().contains("service.started"));
    if holds {
        let code = world.order(&["up"]);
        if code != 2 {
            world.violated(format!("a second `up` has ended with {code}"));
        }
    }
}

fn break_journal(world: &mut World<'_>, how: u8) {
    let file = world.path("data/journal.db");
    match how {
        0 => {
            let _ = fs::remove_file(&file);
        }
        1 => {
            for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
                let _ = fs::remove_file(world.path("data").join(name));
            }
        }
        2 => {
            let _ = fs::OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(0));
        }
        _ => {
            let opened = fs::OpenOptions::new().write(true).open(&file);
            let _ = opened.and_then(|mut file| file.write_all(&[0x5a; 5000]));
        }
    }
}
