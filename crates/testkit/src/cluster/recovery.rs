//! Servers that recover, for as long as a test wants.
//!
//! What clients see in each state (SQLSTATE, message, DETAIL) was observed on PostgreSQL 15; the tests of this crate keep it true.
use super::{Cluster, LIMIT, builder};
use crate::spawn;
use crate::wait::{wait_for, wait_until};
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::Duration;

/// Holds a server in recovery until it is opened; dropped unopened, the server is left waiting.
#[derive(Debug)]
#[must_use]
pub struct Gate(PathBuf);

impl Gate {
    /// Lets recovery go on: the server is writable some 0.1 s later.
    pub fn open(self) {
        std::fs::write(&self.0, "").expect("cannot open the gate of a recovering server");
    }
}

/// A startup process stopped in the middle of crash recovery; released on drop.
#[derive(Debug)]
#[must_use]
pub struct Held(u32);

impl Held {
    /// The process id of the stopped startup process.
    pub fn pid(&self) -> u32 {
        self.0
    }

    /// Lets recovery go on.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        spawn::signal(self.0, Signal::CONT);
    }
}

impl Cluster {
    /// A server that refuses with 57P03 "Hot standby mode is disabled" for `seconds`, then takes reads and writes.
    pub fn recovering_for(seconds: u32) -> Self {
        let cluster = Self::builder().prepare();
        cluster.start_again_recovering_for(seconds);
        cluster
    }

    /// A server that answers but is read-only for `seconds`, then takes writes: reachable is not writable.
    pub fn read_only_for(seconds: u32) -> Self {
        let cluster = Self::builder().prepare();
        cluster.recover(&format!(
            "restore_command = 'false'\nrecovery_end_command = 'sleep {seconds}'\nhot_standby = on\n"
        ));
        cluster.wait_ready(LIMIT);
        cluster
    }

    /// A server that refuses with 57P03 "the database system is starting up" until the gate is opened.
    pub fn gated() -> (Self, Gate) {
        let cluster = Self::builder().prepare();
        let gate = cluster.start_again_gated();
        (cluster, gate)
    }

    /// A server killed with much unwritten work, restarted, and held in crash recovery: 57P03 "not yet accepting connections",
    /// DETAIL "Consistent recovery state has not been yet reached", until released.
    pub fn crashed_and_held() -> (Self, Held) {
        let cluster = Self::builder().conf("max_wal_size = 10GB").conf("checkpoint_timeout = 1d").start();
        let held = cluster.crash_and_hold();
        (cluster, held)
    }

    /// Starts the stopped server as [`recovering_for`](Self::recovering_for) does; its data stay.
    #[track_caller]
    pub fn start_again_recovering_for(&self, seconds: u32) {
        self.recover(&format!(
            "restore_command = 'false'\nrecovery_end_command = 'sleep {seconds}'\nhot_standby = off\n"
        ));
    }

    /// Starts the stopped server as [`gated`](Self::gated) does; its data stay.
    #[track_caller]
    pub fn start_again_gated(&self) -> Gate {
        let gate = self.socket_dir().join("go");
        // The gate of an earlier recovery is still open.
        let _ = std::fs::remove_file(&gate);
        // It ends with the server that asks, however that ends: a killed one would leave it waiting for ever.
        let wait =
            format!("while kill -0 $PPID 2>/dev/null && ! test -e {}; do sleep 0.02; done; false", gate.display());
        self.recover(&format!("restore_command = '{wait}'\nrecovery_end_command = ''\nhot_standby = on\n"));
        Gate(gate)
    }

    /// Loads WAL, kills the running server, restarts it and stops its startup process in the middle of recovery.
    ///
    /// Replay may be over before we catch it, above all on a busy machine: then it is done again with more.
    #[track_caller]
    pub fn crash_and_hold(&self) -> Held {
        let caught = (1..=4).find_map(|round| {
            self.psql("create table if not exists testkit_wal (n int, filler text)");
            self.psql(&format!("insert into testkit_wal select n, md5(n::text) || md5((-n)::text) from generate_series(1, {round} * 200000) n"));
            self.kill9();
            self.start_again_nowait();
            self.hold_startup().or_else(|| {
                self.wait_ready(LIMIT);
                None
            })
        });
        caught.expect("crash recovery was over every time before it could be held")
    }

    /// Makes a running standby that has no primary any more read-write.
    #[track_caller]
    pub fn promote(&self) {
        self.psql("select pg_promote()");
    }

    /// Starts the stopped server in archive recovery; returns when it listens.
    #[track_caller]
    fn recover(&self, settings: &str) {
        self.append_conf(settings);
        builder::write(&self.data_dir().join("recovery.signal"), "");
        self.start_again_nowait();
        self.wait_listening();
    }

    /// Adds lines to `postgresql.conf`, for the next start or reload.
    pub fn append_conf(&self, lines: &str) {
        let path = self.data_dir().join("postgresql.conf");
        let text = std::fs::read_to_string(&path).expect("cannot read postgresql.conf");
        builder::write(&path, &format!("{text}{lines}\n"));
    }

    /// Waits until the postmaster listens, in whatever state; leaves no line in the server's log.
    #[track_caller]
    pub fn wait_listening(&self) {
        self.wait_log(LIMIT, "the server does not listen", || !self.postmaster_status().is_empty());
    }

    /// Stops the startup process once clients are told of a recovery that is not yet consistent; none when it is over.
    fn hold_startup(&self) -> Option<Held> {
        let startup = wait_for(LIMIT, "a startup process or a ready server", || match self.startup_pid() {
            Some(pid) => Some(Some(pid)),
            None => (self.postmaster_status() == "ready").then_some(None),
        })?;
        loop {
            spawn::signal(startup, Signal::STOP);
            match self.session("postgres", "postgres") {
                Err(refused) if refused.detail.starts_with("Consistent recovery state") => return Some(Held(startup)),
                Ok(_) => return None,
                Err(_) if !spawn::alive(startup) => return None,
                Err(_) => spawn::signal(startup, Signal::CONT),
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// The startup process while it replays.
    fn startup_pid(&self) -> Option<u32> {
        spawn::children(self.pid()).into_iter().find(|pid| title(*pid).contains("startup recovering"))
    }

    /// Kills one backend and holds another stopped, so that the postmaster waits 5 s for it before it reinitialises. Clients are told
    /// 57P03 "the database system is in recovery mode" for some 5 s; open sessions get the warning 57P02, then EOF.
    #[track_caller]
    pub fn crash_backend_and_stall(&self) {
        let stalled = self.session("postgres", "postgres").expect("a session");
        spawn::signal(stalled.backend_pid(), Signal::STOP);
        self.crash_backend();
    }

    /// Kills one backend: the postmaster ends all sessions (57P02) and recovers, in some 0.1 s.
    #[track_caller]
    pub fn crash_backend(&self) {
        let victim = self.session("postgres", "postgres").expect("a session");
        spawn::signal(victim.backend_pid(), Signal::KILL);
        wait_until(LIMIT, "the killed backend is gone", || !spawn::alive(victim.backend_pid()));
    }
}

/// The title of a process, which PostgreSQL keeps up to date.
fn title(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
