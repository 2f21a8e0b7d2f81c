//! What several tests need.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use config::{
    Access, Dependency, Monitor, Target, Wait,
    dsn::{RedisDsn, RedisPlace},
};
use database::{Patience, Refusal, ServerState};
use health::{Answer, Board, ServiceHealth};
use host::Clock;
use retry::{Backoff, Policy};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The calendar stands still.
pub struct Noon;

impl Clock for Noon {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)
    }
}

pub fn board(dependencies: &[Dependency]) -> Board {
    let board = Board::new(Some("1.4.2".into()), Arc::new(Noon));
    dependencies.iter().for_each(|dependency| board.add(dependency));
    board
}

pub fn database(name: &str) -> Dependency {
    dependency(name, Target::Sqlite(format!("/{name}.db").into()), true)
}

pub fn redis(name: &str) -> Dependency {
    let place = RedisPlace::Tcp("127.0.0.1".into(), 6379);
    let dsn = RedisDsn { place, user: None, password: None, database: 0, tls: false };
    dependency(name, Target::Redis(dsn), false)
}

pub fn dependency(name: &str, target: Target, required: bool) -> Dependency {
    let backoff = Backoff::fixed(Duration::from_secs(1));
    let policy = Policy { backoff, attempts: None, limit: None };
    Dependency {
        name: name.into(),
        target,
        access: Access::ReadWrite,
        required,
        wait: Wait { policy, attempt_timeout: Duration::from_secs(3), extend: true },
        monitor: Monitor { every: Duration::from_secs(60), failures: 2 },
        queues: Vec::new(),
    }
}

pub fn refusal(state: ServerState, message: &str) -> Refusal {
    let (code, detail, hint) = (None, None, None);
    Refusal { state, patience: Patience::Deadline, code, message: message.into(), detail, hint }
}

pub fn service(name: &str, word: &str, ready: bool) -> ServiceHealth {
    ServiceHealth { name: name.into(), word: word.into(), ready, required: true, restarts: 0, reason: None }
}

pub fn passes(board: &Board, name: &str) {
    board.asked(name, &Ok(Answer::default()), Duration::from_millis(2));
}

pub fn fails(board: &Board, name: &str, state: ServerState, message: &str) {
    board.asked(name, &Err(refusal(state, message)), Duration::from_millis(2));
}
