//! What gathered in the write-ahead log while a copy was read.
//!
//! As long as somebody reads from one instant, SQLite cannot carry over what was written since. Once he is done, the next writer whose
//! log is long enough carries over all of it, and waits until the disk has it: after a long read that takes seconds. So we do it, at
//! the very moment at which our reading ends. A writer who finds a checkpoint at work goes on without one
//! (<https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files>).

use rusqlite::{Connection, Error, Statement};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};
use tokio::time::Instant;

/// Who writes all the while always has something new for us: then he carries it over himself, for it is little.
const ROUNDS: u32 = 5;
/// It is at work within this, or never.
const PATIENCE: Duration = Duration::from_millis(100);

/// Ends the transaction in which `reading` has read the database at `path`.
pub(super) fn end(reading: &Connection, path: &Path) -> Result<(), Error> {
    let carrying = super::copy::open(path).ok().filter(keeps_a_log);
    let Some(carrying) = carrying else { return reading.execute_batch("COMMIT") };
    let (at_work, ended) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        // What could not be carried over is left to the next writer, as ever.
        scope.spawn(move || drop(carry_over(&carrying, at_work, ended)));
        let begun = Instant::now();
        while !at_work.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE {
            thread::yield_now();
        }
        let committed = reading.execute_batch("COMMIT");
        ended.store(true, Ordering::SeqCst);
        committed
    })
}

/// Only in a log there is something to carry over.
fn keeps_a_log(connection: &Connection) -> bool {
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    mode.is_ok_and(|mode| mode.eq_ignore_ascii_case("wal")) && !connection.is_readonly("main").unwrap_or(true)
}

/// Is at it without a break until the reading has ended, so that hardly ever somebody else gets in between.
fn carry_over(connection: &Connection, at_work: &AtomicBool, ended: &AtomicBool) -> Result<(), Error> {
    let mut checkpoint = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")?;
    let mut rounds = 0;
    while rounds < ROUNDS {
        let last = ended.load(Ordering::SeqCst);
        let all = once(&mut checkpoint)?;
        at_work.store(true, Ordering::SeqCst);
        if last && all {
            break;
        }
        rounds += u32::from(last);
    }
    Ok(())
}

/// Was all of the log carried over?
fn once(checkpoint: &mut Statement<'_>) -> Result<bool, Error> {
    checkpoint.query_row([], |row| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?))
}
