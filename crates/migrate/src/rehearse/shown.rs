//! A rehearsal, as people read it.

use super::{Ground, Held, Rehearsal, Rehearsed, Size, Verdict, seen::Lock};
use report::{bytes, count, seconds};
use std::fmt;

impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.files.iter().map(|file| file.name.chars().count()).max().unwrap_or_default();
        for file in &self.files {
            show(file, width, f)?;
        }
        for broken in &self.broken {
            writeln!(f, "broken afterwards: {broken}")?;
        }
        match self.ground {
            Ground::Nowhere => write!(f, "nothing is pending"),
            Ground::Clone => {
                write!(f, "rehearsed on a clone of the schema; it has no rows, so times leave out the work on them")
            }
            Ground::RollBack => write!(f, "rehearsed on the database itself, in one transaction that was rolled back"),
            Ground::Copy => write!(f, "rehearsed on a copy of the file"),
        }?;
        match &self.instead {
            Some(why) => write!(f, "\nno clone: {why}"),
            None => Ok(()),
        }
    }
}

fn show(file: &Rehearsed, width: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = &file.name;
    match (file.verdict, &file.error) {
        (Verdict::Pass, _) => writeln!(f, "pass     {name:width$}  {}", seconds(file.took)),
        (Verdict::Fail, Some(error)) => writeln!(f, "fail     {name:width$}  {error}"),
        (Verdict::Fail, None) => writeln!(f, "fail     {name:width$}"),
        (Verdict::Skipped, _) => writeln!(f, "skipped  {name:width$}  a file before it failed"),
    }?;
    for held in file.locks.iter().filter(|held| held.rewritten || held.lock > Some(Lock::RowShare)) {
        writeln!(f, "           {held}")?;
    }
    if file.unseen > 0 {
        let statements = count(file.unseen, "statement");
        writeln!(f, "           {statements} outside of a transaction: could not verify which locks it takes")?;
    }
    for (done, things) in [("creates", &file.created), ("drops", &file.dropped)] {
        if !things.is_empty() {
            writeln!(f, "           {done} {}", things.join(", "))?;
        }
    }
    Ok(())
}

/// `ACCESS EXCLUSIVE on orders (12 M rows, 3.1 GiB), rewritten: holds up reads and writes`
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lock {
            Some(lock) => write!(f, "{lock} on {}", self.table),
            None => f.write_str(&self.table),
        }?;
        if let Some(size) = self.size {
            write!(f, " ({size})")?;
        }
        if self.rewritten {
            f.write_str(", rewritten")?;
        }
        match self.lock.and_then(Lock::holds_up) {
            Some(clause) => write!(f, ": {clause}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            Some(rows) => write!(f, "{}, {}", shown(rows), bytes(self.bytes)),
            None => write!(f, "never analysed, {}", bytes(self.bytes)),
        }
    }
}

/// `1 row`, `950 rows`, `12.3 k rows`, `12 M rows`
fn shown(rows: u64) -> String {
    let (value, unit) = match rows {
        0..1_000 => return count(rows as usize, "row"),
        1_000..1_000_000 => (rows as f64 / 1e3, "k"),
        1_000_000..1_000_000_000 => (rows as f64 / 1e6, "M"),
        _ => (rows as f64 / 1e9, "G"),
    };
    if value < 9.95 { format!("{value:.1} {unit} rows") } else { format!("{value:.0} {unit} rows") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MigrateError;
    use std::time::Duration;

    /// What a person sees before a change of the night.
    #[test]
    fn a_rehearsal_reads_as_a_page() {
        let held = |table: &str, lock, rewritten, size| Held {
            table: table.into(),
            lock: Some(lock),
            rewritten,
            size,
            place: Default::default(),
        };
        let large = Size { rows: Some(12_000_000), bytes: 3_328_599_654 };
        let file = |name: &str, verdict| Rehearsed {
            name: name.into(),
            verdict,
            error: None,
            took: Duration::from_millis(12),
            locks: Vec::new(),
            unseen: 0,
            created: Vec::new(),
            dropped: Vec::new(),
        };
        let rehearsal = Rehearsal {
            ground: Ground::RollBack,
            instead: Some("permission denied to create database".into()),
            files: vec![
                Rehearsed {
                    locks: vec![
                        held("orders", Lock::AccessExclusive, true, Some(large)),
                        held("users", Lock::ShareRowExclusive, false, Some(Size { rows: None, bytes: 8192 })),
                        held("plans", Lock::AccessShare, false, None),
                    ],
                    created: vec!["table invoices".into(), "index invoices_pkey".into()],
                    ..file("0003_orders.sql", Verdict::Pass)
                },
                Rehearsed { error: Some(MigrateError::LockLost), ..file("0004_x.sql", Verdict::Fail) },
                file("0005_y.sql", Verdict::Skipped),
            ],
            broken: Vec::new(),
        };
        assert_eq!(
            rehearsal.to_string(),
            "pass     0003_orders.sql  12 ms\n           \
             ACCESS EXCLUSIVE on orders (12 M rows, 3.1 GiB), rewritten: holds up reads and writes\n           \
             SHARE ROW EXCLUSIVE on users (never analysed, 8.0 KiB): holds up writes\n           \
             creates table invoices, index invoices_pkey\n\
             fail     0004_x.sql       the connection that held the migration lock was lost\n\
             skipped  0005_y.sql       a file before it failed\n\
             rehearsed on the database itself, in one transaction that was rolled back\n\
             no clone: permission denied to create database"
        );
        assert!(!rehearsal.passed());
    }

    #[test]
    fn rows_are_rounded() {
        let table = [
            (1, "1 row"),
            (950, "950 rows"),
            (1_234, "1.2 k rows"),
            (12_345_678, "12 M rows"),
            (4_000_000_000, "4.0 G rows"),
        ];
        for (rows, expected) in table {
            assert_eq!(shown(rows), expected);
        }
    }
}
