//! What a cluster is made of before it starts.
use super::{Cluster, template};
use crate::port::free_port;
use crate::scratch::TempDir;
use crate::spawn::Account;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A cluster to be: see [`Cluster::builder`].
#[derive(Debug, Default)]
pub struct Builder {
    conf: Vec<String>,
    hba: Vec<String>,
    files: Vec<(String, String)>,
    password: Option<String>,
    tls: Option<(String, String)>,
    copy_of: Option<PathBuf>,
}

impl Builder {
    /// Adds a line to `postgresql.conf`; later lines win.
    pub fn conf(mut self, line: impl Into<String>) -> Self {
        self.conf.push(line.into());
        self
    }

    /// Adds a line to `pg_hba.conf` before the usual ones; the first that fits wins.
    pub fn hba(mut self, line: impl Into<String>) -> Self {
        self.hba.push(line.into());
        self
    }

    /// Writes a file into the data directory (mode 0600), such as `recovery.signal`.
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.push((name.into(), text.into()));
        self
    }

    /// Demands a password (SCRAM) over TCP and makes the role `app` with this one, and a database `app` that it owns.
    /// The Unix socket stays open to all.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Switches TLS on with the texts of a certificate and of its key, both PEM.
    pub fn tls(mut self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self
    }

    /// Starts from a copy of this data directory instead of an empty cluster.
    pub(super) fn copy_of(mut self, data: PathBuf) -> Self {
        self.copy_of = Some(data);
        self
    }

    /// Starts the server and waits until it accepts sessions.
    pub fn start(self) -> Cluster {
        let password = self.password.clone();
        let cluster = self.start_nowait();
        cluster.wait_ready(super::LIMIT);
        if let Some(password) = password {
            cluster.psql(&format!("create role app login password '{}'", password.replace('\'', "''")));
            cluster.psql("create database app owner app");
        }
        cluster
    }

    /// Starts the server and does not wait: it may be starting or recovering for long. A `password` makes no role here.
    pub fn start_nowait(self) -> Cluster {
        let cluster = self.prepare();
        cluster.start_again_nowait();
        cluster
    }

    /// Makes the data directory and starts nothing.
    pub fn prepare(self) -> Cluster {
        let dir = TempDir::new();
        Account::own(dir.path());
        let data = dir.path().join("data");
        match &self.copy_of {
            Some(from) => template::copy(from, &data),
            None => template::copy_to(&data),
        }
        let port = free_port();
        self.write_files(dir.path(), &data, port);
        Cluster { dir, port, process: Mutex::default() }
    }

    fn write_files(&self, dir: &Path, data: &Path, port: u16) {
        write(&data.join("postgresql.conf"), &self.settings(dir, port));
        write(&data.join("pg_hba.conf"), &self.access());
        for (name, text) in &self.files {
            write(&data.join(name), text);
        }
        if let Some((certificate, key)) = &self.tls {
            write(&data.join("server.crt"), certificate);
            write(&data.join("server.key"), key);
        }
    }

    /// Nothing here goes on the command line, so that a restart by anyone finds the same server. Shared memory lies in the data directory:
    /// in /dev/shm a killed server would leave it behind.
    fn settings(&self, dir: &Path, port: u16) -> String {
        let mut text = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nfsync = off\nshared_buffers = 4MB\n\
             lc_messages = 'C'\nlog_timezone = 'UTC'\ntimezone = 'UTC'\nlogging_collector = off\n\
             dynamic_shared_memory_type = mmap\n",
            dir.display()
        );
        if self.tls.is_some() {
            text.push_str("ssl = on\n");
        }
        for line in &self.conf {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn access(&self) -> String {
        let tcp = if self.password.is_some() { "scram-sha-256" } else { "trust" };
        let mut text = String::new();
        for line in &self.hba {
            let _ = writeln!(text, "{line}");
        }
        let _ = write!(text, "local all,replication all trust\nhost all,replication all 127.0.0.1/32 {tcp}\n");
        text
    }
}

/// Writes a file that only the servers' account may read, as PostgreSQL demands of keys.
pub(super) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("cannot write a file of a cluster");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("cannot close a file of a cluster");
    Account::own(path);
}
