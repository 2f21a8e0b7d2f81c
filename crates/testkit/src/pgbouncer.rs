//! A real PgBouncer in front of the server of one test.
use crate::cluster::Cluster;
use crate::components;
use crate::port::free_port;
use crate::scratch::TempDir;
use crate::spawn::{self, Account};
use crate::wait::wait_until;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A PgBouncer in transaction mode in front of a [`Cluster`], our own direct child. Killed and removed on drop, killed when we die.
///
/// It listens on 127.0.0.1, lets everybody in and logs in as `postgres`. When we are root it runs as `postgres` or `nobody`.
#[derive(Debug)]
pub struct PgBouncer {
    dir: TempDir,
    port: u16,
    process: Mutex<Option<Child>>,
}

impl PgBouncer {
    /// Starts one with room for 20 sessions of the server and waits until it listens.
    pub fn start(cluster: &Cluster) -> Self {
        Self::with_pool(cluster, 20)
    }

    /// The same with room for `size` sessions of the server for each database: with one, all clients share a session in turn.
    pub fn with_pool(cluster: &Cluster, size: u32) -> Self {
        let dir = TempDir::new();
        Account::own(dir.path());
        let port = free_port();
        let settings = dir.write("pgbouncer.ini", &settings(cluster.port(), port, size));
        Account::own(&settings);
        let log = std::fs::File::create(dir.path().join("log")).expect("cannot make PgBouncer's log");
        let mut command = spawn::server(&components::find("pgbouncer"));
        command.arg(&settings).stdout(log.try_clone().expect("cannot share PgBouncer's log")).stderr(log);
        let child = spawn::spawn(command).expect("cannot start PgBouncer");
        let bouncer = Self { dir, port, process: Mutex::new(Some(child)) };
        wait_until(LIMIT, "PgBouncer listens", || {
            assert!(bouncer.running(), "PgBouncer has ended; its log:\n{}", bouncer.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        bouncer
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The text of its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL: every connection through it ends; returns when it is gone.
    pub fn kill9(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn running(&self) -> bool {
        self.child().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// No socket in the file system, no file of its process: all that it leaves is below its directory.
fn settings(server: u16, port: u16, size: u32) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
    )
}
