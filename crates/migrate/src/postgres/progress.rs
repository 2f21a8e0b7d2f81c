//! How far the working session has come: what PostgreSQL tells about indexes, VACUUM, CLUSTER and COPY while they run.
//!
//! The views and their columns are those of the PostgreSQL manual, "Progress Reporting". All columns used here are in
//! 13 to 18; `pg_stat_progress_copy` is there since 14.

use super::ask::query;
use crate::MigrateError;
use database::postgres::Session;
use std::fmt;

/// Cells of the bar.
const CELLS: usize = 10;
/// The first version with `pg_stat_progress_copy`.
const COPY_SINCE: u32 = 14;

/// How far a statement has come in its present phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The server's word for it: `building index: loading tuples in tree`.
    pub(crate) phase: String,
    /// So much is done.
    pub(crate) done: u64,
    /// Of so much, as the server estimates; 0 when it says nothing.
    pub(crate) total: u64,
    /// Of what.
    pub(crate) unit: Unit,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Rows, in the server's word.
    Tuples,
    /// Pages of a table or an index.
    Blocks,
    /// Sessions that are waited for.
    Sessions,
    /// Bytes.
    Bytes,
}

/// The parts of one query. Each gives: the phase, then done and total of sessions, blocks, tuples and bytes.
const INDEX: &str = "SELECT phase, lockers_done, lockers_total, blocks_done, blocks_total, tuples_done, tuples_total, 0::bigint, 0::bigint \
    FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $pid";
const VACUUM: &str = "SELECT 'VACUUM: ' || phase, 0, 0, CASE phase WHEN 'vacuuming heap' THEN heap_blks_vacuumed ELSE heap_blks_scanned END, \
    heap_blks_total, 0, 0, 0, 0 FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = $pid";
const CLUSTER: &str = "SELECT command || ': ' || phase, 0, 0, heap_blks_scanned, heap_blks_total, heap_tuples_written, 0, 0, 0 \
    FROM pg_catalog.pg_stat_progress_cluster WHERE pid = $pid";
const COPY: &str = "SELECT command, 0, 0, 0, 0, tuples_processed, 0, bytes_processed, bytes_total \
    FROM pg_catalog.pg_stat_progress_copy WHERE pid = $pid";

/// How far the session `pid` has come; asked by another session. Nothing when it does nothing that the server counts.
pub(crate) async fn progress(session: &Session, pid: i32) -> Result<Option<Progress>, MigrateError> {
    let rows = query(session, "look how far a statement has come", &sql(session.major(), pid)).await?;
    Ok(rows.first().map(|row| {
        let number = |index| row.try_get(index).ok().flatten().and_then(|text| text.parse().ok()).unwrap_or(0);
        let phase = row.try_get(0).ok().flatten().unwrap_or_default();
        let counted = [(Unit::Sessions, 1), (Unit::Blocks, 3), (Unit::Tuples, 5), (Unit::Bytes, 7)];
        choose(phase, &counted.map(|(unit, at)| (unit, number(at), number(at + 1))))
    }))
}

fn sql(major: u32, pid: i32) -> String {
    let mut parts = vec![INDEX, VACUUM, CLUSTER];
    if major >= COPY_SINCE {
        parts.push(COPY);
    }
    parts.join(" UNION ALL ").replace("$pid", &pid.to_string())
}

/// The counts of former phases may still stand there, so the phase says first which of them is meant; then the one that
/// has a total; then the one that has anything.
fn choose(phase: &str, counted: &[(Unit, u64, u64)]) -> Progress {
    let fits = |(unit, _, _): &&(Unit, u64, u64)| match unit {
        Unit::Sessions => phase.starts_with("waiting for"),
        Unit::Blocks => phase.contains("scanning") || phase.contains("vacuuming") || phase.contains("truncating"),
        Unit::Tuples => phase.contains("tuples") || phase.contains("writing"),
        Unit::Bytes => phase.starts_with("COPY"),
    };
    let meant = counted.iter().find(|row| fits(row) && row.2 > 0);
    // A phase that waits or only begins has no share, whatever the one before it left behind.
    let idle = phase.starts_with("waiting for") || phase.ends_with("initializing");
    let any = || counted.iter().rev().find(|row| row.2 > 0).or_else(|| counted.iter().rev().find(|row| row.1 > 0));
    let chosen = meant.or_else(|| if idle { None } else { any() });
    let (unit, done, total) = chosen.copied().unwrap_or((Unit::Tuples, 0, 0));
    Progress { phase: phase.to_owned(), done, total, unit }
}

impl Progress {
    /// The share that is done, 0 to 1; nothing when the server names no total. Its totals are estimates, and more than all
    /// is told as all.
    pub(crate) fn share(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).min(1.0))
    }

    fn amount(&self) -> String {
        match self.unit {
            Unit::Bytes if self.total == 0 => report::bytes(self.done),
            Unit::Bytes => format!("{} of {}", report::bytes(self.done), report::bytes(self.total)),
            Unit::Tuples => counted(self.done, self.total, "tuples"),
            Unit::Blocks => counted(self.done, self.total, "blocks"),
            Unit::Sessions => counted(self.done, self.total, "sessions"),
        }
    }
}

/// `1.2 of 2.5 million tuples`
fn counted(done: u64, total: u64, noun: &str) -> String {
    let (divisor, word) = match done.max(total) {
        0..10_000 => (1.0, ""),
        10_000..1_000_000 => (1e3, " thousand"),
        1_000_000..1_000_000_000 => (1e6, " million"),
        _ => (1e9, " billion"),
    };
    let number = |value: u64| if divisor == 1.0 { value.to_string() } else { format!("{:.1}", value as f64 / divisor) };
    let of = if total > 0 { format!(" of {}", number(total)) } else { String::new() };
    format!("{}{of}{word} {noun}", number(done))
}

/// `[####......] 48 % building index: loading tuples in tree (1.2 of 2.5 million tuples)`
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(share) = self.share() {
            // Down, not to the nearest: a full bar means done.
            let full = (share * CELLS as f64) as usize;
            write!(f, "[{}{}] {:.0} % ", "#".repeat(full), ".".repeat(CELLS - full), (share * 100.0).floor())?;
        }
        f.write_str(&self.phase)?;
        if self.done == 0 && self.total == 0 { Ok(()) } else { write!(f, " ({})", self.amount()) }
    }
}

#[cfg(test)]
mod tests;
