//! What is ready, and what was found.

use database::{postgres, redis::RedisFacts, sqlite::SqliteFacts};
use std::time::Duration;

/// A dependency that does what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// What answered, in a few words: `PostgreSQL 15.18`.
    pub what: String,
    /// Something that somebody should look at: an empty database file.
    pub note: Option<String>,
    /// Time that the answer took.
    pub latency: Duration,
    /// What the server said about itself.
    pub facts: Facts,
    /// Set when it looks like the temporary server of a first-start script.
    pub(crate) temporary: Option<Temporary>,
}

/// What a dependency said about itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// Of a PostgreSQL.
    Postgres(Box<postgres::Facts>),
    /// Of a SQLite file.
    Sqlite(SqliteFacts),
    /// Of a Redis.
    Redis(RedisFacts),
    /// It is ready, and that is all there is to know.
    None,
}

/// A server that listens on a unix socket only because its command line says so: container images start such a server
/// for their init scripts and stop it again before the real one starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Temporary {
    /// The same for the same life of the same server.
    pub(crate) identity: String,
    /// How long it has been running, by its own clock.
    pub(crate) age: Option<Duration>,
}

impl Ready {
    /// `what` is ready.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), note: None, latency: Duration::ZERO, facts: Facts::None, temporary: None }
    }

    pub(crate) fn postgres(facts: postgres::Facts) -> Self {
        let standby = if facts.in_recovery { ", standby" } else { "" };
        let temporary = facts
            .socket_only_by_command_line
            .then(|| Temporary { identity: format!("{:?}", facts.identity), age: Some(facts.up) });
        let what = format!("PostgreSQL {}{standby}", facts.version);
        Self { temporary, facts: Facts::Postgres(Box::new(facts)), ..Self::new(what) }
    }

    pub(crate) fn redis(facts: RedisFacts) -> Self {
        let version = facts.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
        Self { facts: Facts::Redis(facts), ..Self::new(format!("Redis{version}")) }
    }

    pub(crate) fn sqlite(facts: SqliteFacts) -> Self {
        let what = format!("SQLite {}", facts.version);
        Self { note: facts.note.clone(), facts: Facts::Sqlite(facts), ..Self::new(what) }
    }

    pub(crate) fn temporary(&self) -> Option<Temporary> {
        self.temporary.clone()
    }
}
