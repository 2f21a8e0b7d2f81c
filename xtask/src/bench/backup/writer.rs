//! Somebody who writes all the while: one small transaction after the other, a millisecond between them.
use super::field::{DATABASE, Engine, Field};
use crate::bench::helper::{millis, now};
use crate::task::Failure;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::{Cluster, Session};

const PAUSE: Duration = Duration::from_millis(1);

/// One that writes until it is told to end.
pub(super) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Seen, String>>,
}

/// What it saw; without the time that it waited for a processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) longest_ms: f64,
    /// 999 of 1000 were done within this.
    pub(super) late_ms: f64,
    pub(super) per_second: f64,
}

/// Where it writes to.
enum Hand {
    Postgres(Session),
    Sqlite(Connection),
}

impl Writer {
    pub(super) fn begin(field: &Field) -> Result<Self, Failure> {
        let mut hand = Hand::of(field)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (begun, mut took) = (now(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let (at, delayed) = (now(), delayed_ms());
                hand.write(took.len())?;
                took.push((millis(at, now()) - (delayed_ms() - delayed)).max(0.0));
                std::thread::sleep(PAUSE);
            }
            Ok(Seen::of(took, millis(begun, now())))
        });
        Ok(Self { stop, thread })
    }

    pub(super) fn end(self) -> Result<Seen, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().map_err(|_| Failure::Failed("the writer has panicked".to_owned()))?;
        seen.map_err(|why| Failure::Failed(format!("the writer could not write: {why}")))
    }
}

/// So long this thread has waited for a processor so far: no copy is to blame for that on a busy machine. See proc_pid_schedstat in
/// the kernel's documentation (sched-stats).
fn delayed_ms() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().nth(1).and_then(|word| word.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e6
}

impl Seen {
    fn of(mut took: Vec<f64>, all: f64) -> Self {
        took.sort_by(f64::total_cmp);
        let late = took.len() * 999 / 1000;
        Self {
            longest_ms: took.last().copied().unwrap_or(f64::NAN),
            late_ms: took.get(late).copied().unwrap_or(f64::NAN),
            per_second: took.len() as f64 / all * 1e3,
        }
    }
}

impl Hand {
    fn of(field: &Field) -> Result<Self, Failure> {
        let cannot = |why: String| Failure::Failed(format!("the writer cannot connect: {why}"));
        match (field.engine, &field.server) {
            (Engine::Postgres, Some(server)) => {
                let session = server.session("postgres", DATABASE);
                Ok(Self::Postgres(session.map_err(|error| cannot(error.to_string()))?))
            }
            _ => {
                let connection = Connection::open(field.file());
                let set = "pragma synchronous = normal; pragma busy_timeout = 60000";
                let connection = connection.and_then(|it| it.execute_batch(set).map(|()| it));
                Ok(Self::Sqlite(connection.map_err(|error| cannot(error.to_string()))?))
            }
        }
    }

    fn write(&mut self, number: usize) -> Result<(), String> {
        let sql = format!(
            "insert into busy (text) values ('a row of ordinary length, number {number}'); \
             update item set price = price + 1 where id = {}",
            number * 7919 % 100_000 + 1
        );
        match self {
            Self::Postgres(session) => session.query(&sql).map(drop).map_err(|error| error.to_string()),
            Self::Sqlite(connection) => {
                connection.execute_batch(&format!("begin immediate; {sql}; commit")).map_err(|error| error.to_string())
            }
        }
    }
}

/// A statement that may take longer than sessions of tests may.
pub(super) fn patiently(server: &Cluster, database: &str, statement: &str) {
    let psql = testkit::find_component("psql");
    let output = std::process::Command::new(psql)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &server.url_of("postgres", database), "-c", statement])
        .output();
    let output = output.unwrap_or_else(|error| panic!("cannot run psql: {error}"));
    assert!(output.status.success(), "{}\nin: {statement}", String::from_utf8_lossy(&output.stderr));
}
