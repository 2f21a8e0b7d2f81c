//! Servers that answer and yet do not serve: replicas and full ones.
use super::{Cluster, LIMIT, Session};
use crate::components;
use crate::spawn::{self, Account};

/// The sessions that keep a server full; dropped, they make room.
#[derive(Debug)]
#[must_use]
pub struct Full(Vec<Session>);

impl Full {
    /// Ends all sessions.
    pub fn release(self) {}

    /// How many sessions fill the server.
    pub fn sessions(&self) -> usize {
        self.0.len()
    }
}

impl Cluster {
    /// A read-only server that has lost its primary for ever.
    pub fn standby() -> Self {
        Self::builder().file("standby.signal", "").start()
    }

    /// A streaming replica of a running server, copied by `pg_basebackup`. Same password rules, its own port.
    pub fn standby_of(primary: &Self) -> Self {
        let dir = crate::TempDir::new();
        let copy = dir.path().join("copy");
        Account::own(dir.path());
        let mut command = spawn::server(&components::find("pg_basebackup"));
        command.arg("-h").arg(primary.socket_dir()).arg("-p").arg(primary.port.to_string());
        command.args(["-U", "postgres", "--checkpoint=fast", "--no-sync", "-X", "stream", "-D"]).arg(&copy);
        spawn::run(command);
        let upstream =
            format!("primary_conninfo = 'host={} port={} user=postgres'", primary.socket_dir().display(), primary.port);
        Self::builder().copy_of(copy).conf(upstream).file("standby.signal", "").start()
    }

    /// A server with every slot taken, those reserved for superusers too: 53300 for everybody until released.
    pub fn full() -> (Self, Full) {
        let cluster = Self::builder()
            .conf("max_connections = 4")
            .conf("superuser_reserved_connections = 1")
            .conf("max_wal_senders = 0")
            .conf("autovacuum = off")
            .start();
        let full = cluster.fill();
        (cluster, full)
    }

    /// Takes every slot that is left.
    pub fn fill(&self) -> Full {
        let mut sessions = Vec::new();
        let begun = std::time::Instant::now();
        while let Ok(session) = self.session("postgres", "postgres") {
            sessions.push(session);
            assert!(begun.elapsed() < LIMIT, "the server does not fill up");
        }
        Full(sessions)
    }
}
