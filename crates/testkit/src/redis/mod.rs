//! A real Redis server of one test.
mod resp;

use crate::components;
use crate::port::free_port;
use crate::scratch::TempDir;
use crate::spawn::{self, Account};
use crate::wait::wait_for;
use std::fs::OpenOptions;
use std::io;
use std::process::Child;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Loading time of one key: a hundred keys make a second.
const KEYS_PER_SECOND: u32 = 100;

/// A real Redis server in a temporary directory, our own direct child. Killed and removed on drop, killed when we die.
#[derive(Debug)]
pub struct Redis {
    dir: TempDir,
    port: u16,
    arguments: Vec<String>,
    password: Option<String>,
    process: Mutex<Option<Child>>,
}

/// A server to be: see [`Redis::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    arguments: Vec<String>,
    password: Option<String>,
}

impl Builder {
    /// Adds command-line settings, such as `["--maxmemory", "1mb"]`.
    pub fn conf<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// Demands this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.conf(["--requirepass", password])
    }

    /// Makes it a replica of the server on this port of 127.0.0.1, which may be dead.
    pub fn replica_of(self, port: u16) -> Self {
        self.conf(["--replicaof", "127.0.0.1", &port.to_string()])
    }

    /// Starts the server and waits until it answers, in whatever state.
    pub fn start(self) -> Redis {
        let dir = TempDir::new();
        Account::own(dir.path());
        let redis = Redis {
            dir,
            port: free_port(),
            arguments: self.arguments,
            password: self.password,
            process: Mutex::default(),
        };
        redis.start_again(&[]);
        redis
    }
}

impl Redis {
    /// Starts an empty server and waits until it answers.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with settings of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A server that answers `-LOADING` for some `seconds`, then serves.
    pub fn loading(seconds: u32) -> Self {
        let redis = Self::builder().conf(["--enable-debug-command", "yes"]).start();
        redis.reload_for(seconds);
        redis
    }

    /// A replica of a running server.
    pub fn replica_of(primary: &Self) -> Self {
        Self::builder().replica_of(primary.port).conf(["--repl-diskless-sync-delay", "0"]).start()
    }

    /// The port on 127.0.0.1; it stays the same across restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `redis://127.0.0.1:PORT/0`, with the password when there is one.
    pub fn url(&self) -> String {
        let login = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{login}127.0.0.1:{}/0", self.port)
    }

    /// Sends one command and returns the reply: strings and numbers bare, errors with their `-`, arrays one element a line.
    #[track_caller]
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).unwrap_or_else(|error| panic!("redis: {error}; its log:\n{}", self.log()))
    }

    /// As [`command`](Self::command).
    ///
    /// # Errors
    /// That the connection failed.
    pub fn try_command(&self, words: &[&str]) -> io::Result<String> {
        resp::command(self.port, self.password.as_deref(), words)
    }

    /// The text of the server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL; returns when the server is gone.
    pub fn kill9(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts the stopped server on the same port, with more settings, and waits until it answers, in whatever state.
    #[track_caller]
    pub fn start_again(&self, more: &[&str]) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .expect("cannot open Redis's log");
        let mut command = spawn::server(&components::find("redis-server"));
        command.args([
            "--port",
            &self.port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ]);
        command.arg(self.dir.path()).args(&self.arguments).args(more);
        command.stdout(log.try_clone().expect("cannot share Redis's log")).stderr(log);
        *self.child() = Some(spawn::spawn(command).expect("cannot start Redis"));
        wait_for(LIMIT, "Redis answers", || {
            assert!(self.running(), "Redis has ended; its log:\n{}", self.log());
            self.try_command(&["PING"]).ok()
        });
    }

    /// True while the server lives.
    pub fn running(&self) -> bool {
        self.child().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Saves enough keys and starts again with a delay for each. Redis looks for clients once per KiB that it has read, so each key is that big.
    fn reload_for(&self, seconds: u32) {
        self.command(&["DEBUG", "POPULATE", &(seconds * KEYS_PER_SECOND).to_string(), "key", "1024"]);
        self.command(&["SAVE"]);
        self.kill9();
        let delay = (1_000_000 / KEYS_PER_SECOND).to_string();
        self.start_again(&[
            "--rdbcompression",
            "no",
            "--key-load-delay",
            &delay,
            "--loading-process-events-interval-bytes",
            "1024",
        ]);
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill9();
    }
}
