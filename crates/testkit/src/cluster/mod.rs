//! A real PostgreSQL server of one test.
mod builder;
mod recovery;
mod session;
mod standby;
mod template;

pub use builder::Builder;
pub use recovery::{Gate, Held};
pub use session::Session;
pub use standby::Full;

use crate::scratch::TempDir;
use crate::wait::wait_until;
use crate::{ServerError, components, spawn};
use rustix::process::Signal;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// No cluster of a test takes longer to start or to stop.
const LIMIT: Duration = Duration::from_secs(30);

/// A real PostgreSQL server in a temporary directory, our own direct child. Killed and removed on drop, killed when we die.
///
/// It listens on 127.0.0.1 and on a Unix socket; the superuser is `postgres`. When we are root it runs as `postgres` or `nobody`.
#[derive(Debug)]
pub struct Cluster {
    dir: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
}

/// How a server is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Waits for every session to end; meanwhile refuses new ones with "the database system is shutting down".
    Smart,
    /// Ends every session and writes a checkpoint.
    Fast,
    /// Gives up at once: the next start recovers.
    Immediate,
}

impl Cluster {
    /// Starts an empty cluster and waits until it accepts sessions.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A cluster with settings of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The TCP port on 127.0.0.1; it stays the same across restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The postmaster's process id; panics when the server is stopped.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.child().as_ref().expect("the server is stopped").id()
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`
    pub fn url(&self) -> String {
        self.url_of("postgres", "postgres")
    }

    /// The URL over TCP for another user (`name` or `name:password`) or database.
    pub fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL over the Unix socket: the directory as `host` in the query, as libpq reads it.
    pub fn socket_url(&self) -> String {
        format!("postgres:///postgres?host={}&port={}&user=postgres", self.socket_dir().display(), self.port)
    }

    /// The text of the server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The state that the postmaster writes about itself: `starting`, `ready`, `standby` or `stopping`; empty when it is stopped, also
    /// when a killed one has left its file behind. Asking this leaves no line in the server's log.
    pub fn postmaster_status(&self) -> String {
        let text = std::fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
        let pid = self.child().as_ref().map(|child| child.id().to_string());
        let ours = pid.as_deref() == text.lines().next();
        text.lines().nth(7).filter(|_| ours).unwrap_or_default().trim().to_owned()
    }

    /// Opens a session over the Unix socket.
    ///
    /// # Errors
    /// The server's refusal with its SQLSTATE, or that nothing listens.
    pub fn session(&self, user: &str, database: &str) -> Result<Session, ServerError> {
        Session::open(&self.socket_dir().join(format!(".s.PGSQL.{}", self.port)), user, database)
    }

    /// Runs SQL as the superuser in `postgres`: rows by line, columns by `|`, NULL empty, as `psql -At` prints. Panics on errors.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        self.psql_in("postgres", sql)
    }

    /// As [`psql`](Self::psql), in another database.
    #[track_caller]
    pub fn psql_in(&self, database: &str, sql: &str) -> String {
        let rows = self.session("postgres", database).and_then(|mut session| session.query(sql));
        let rows = rows.unwrap_or_else(|error| panic!("{error}\nin: {sql}\nserver's log:\n{}", self.log()));
        let line = |row: &Vec<Option<String>>| {
            row.iter().map(|text| text.as_deref().unwrap_or_default()).collect::<Vec<_>>().join("|")
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Makes a database and returns its URL over TCP.
    #[track_caller]
    pub fn create_database(&self, name: &str) -> String {
        self.psql(&format!("create database \"{name}\""));
        self.url_of("postgres", name)
    }

    /// SIGKILL to the postmaster, as the OOM killer does; returns when it and its backends are gone.
    pub fn kill9(&self) {
        if let Some(mut child) = self.child().take() {
            let backends = spawn::children(child.id());
            let _ = child.kill();
            let _ = child.wait();
            bury(&backends);
        }
    }

    /// Stops the server and returns when it is gone; KILLs it after 30 s.
    pub fn stop(&self, how: Shutdown) {
        self.signal(how);
        if let Some(mut child) = self.child().take() {
            let backends = spawn::children(child.id());
            spawn::reap(&mut child, LIMIT);
            bury(&backends);
        }
    }

    /// Asks the server to stop and does not wait.
    pub fn stop_nowait(&self, how: Shutdown) {
        self.signal(how);
    }

    /// `pg_ctl stop -m fast`
    pub fn stop_fast(&self) {
        self.stop(Shutdown::Fast);
    }

    /// `pg_ctl stop -m immediate`
    pub fn stop_immediate(&self) {
        self.stop(Shutdown::Immediate);
    }

    /// Starts the stopped server on the same port and waits until it accepts sessions.
    #[track_caller]
    pub fn start_again(&self) {
        self.start_again_nowait();
        self.wait_ready(LIMIT);
    }

    /// Starts the stopped server on the same port and does not wait.
    #[track_caller]
    pub fn start_again_nowait(&self) {
        self.start_again_with(&[]);
    }

    /// The same with more arguments for `postgres`, as `["-c", "listen_addresses="]`.
    #[track_caller]
    pub fn start_again_with(&self, arguments: &[&str]) {
        let mut process = self.child();
        assert!(process.is_none(), "the server runs already");
        let log =
            OpenOptions::new().create(true).append(true).open(self.log_path()).expect("cannot open the server's log");
        // Killed with us, it would leave its shared memory behind.
        let mut command = spawn::server_ended_by("QUIT", &components::find("postgres"));
        command
            .arg("-D")
            .arg(self.data_dir())
            .args(arguments)
            .stdout(log.try_clone().expect("cannot share the server's log"))
            .stderr(log);
        *process = Some(spawn::spawn(command).expect("cannot start PostgreSQL"));
    }

    /// Waits until a session as superuser opens (a read-only server counts); panics with the server's log after `limit`, or at once
    /// when the server has ended. Attempts begin only when the postmaster calls itself ready, so the log stays clean.
    #[track_caller]
    pub fn wait_ready(&self, limit: Duration) {
        self.wait_log(limit, "the server is not ready", || {
            matches!(self.postmaster_status().as_str(), "ready" | "standby")
                && self.session("postgres", "postgres").is_ok()
        });
    }

    /// Waits until the server accepts writes.
    #[track_caller]
    pub fn wait_writable(&self, limit: Duration) {
        self.wait_log(limit, "the server takes no writes", || {
            let asked = self
                .session("postgres", "postgres")
                .and_then(|mut session| session.query("select pg_is_in_recovery()"));
            asked.is_ok_and(|rows| rows == [[Some("f".to_owned())]])
        });
    }

    #[track_caller]
    fn wait_log(&self, limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
        let begun = std::time::Instant::now();
        wait_until(limit + Duration::from_secs(1), what, || {
            assert!(self.running(), "the server has ended; its log:\n{}", self.log());
            assert!(begun.elapsed() < limit, "{what} after {limit:?}; its log:\n{}", self.log());
            condition()
        });
    }

    /// True while the postmaster lives.
    pub fn running(&self) -> bool {
        self.child().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn signal(&self, how: Shutdown) {
        let signal = match how {
            Shutdown::Smart => Signal::TERM,
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        if let Some(child) = self.child().as_ref() {
            spawn::signal(child.id(), signal);
        }
    }

    /// A killed server leaves its System V segment behind, and the kernel has 4,096 for all: then no server starts any more. The id is
    /// the second word of line 7 of the file that the postmaster writes about itself; one that stopped well has removed both.
    fn give_back_shared_memory(&self) {
        let text = std::fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
        let id = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
        if let Some(id) = id {
            let _ = Command::new(components::find("ipcrm")).args(["-m", id]).stderr(Stdio::null()).status();
        }
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill9();
        self.give_back_shared_memory();
    }
}

/// Backends see that the postmaster died and end by themselves; those that a test has stopped cannot.
/// A server that starts while one is left refuses: "pre-existing shared memory block is still in use".
fn bury(backends: &[u32]) {
    let begun = std::time::Instant::now();
    while backends.iter().any(|pid| spawn::alive(*pid)) {
        if begun.elapsed() > Duration::from_secs(2) {
            backends.iter().for_each(|pid| spawn::signal(*pid, Signal::KILL));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
