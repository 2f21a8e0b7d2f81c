//! How big tables are on the server.

use crate::{
    engine::Cells,
    quote::literal,
    sql::{Dialect, Name},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Below both of these a table is small: whatever holds it up is over before anybody notices.
pub(super) const FEW_ROWS: u64 = 10_000;
/// In bytes, with indexes.
pub(super) const FEW_BYTES: u64 = 100 * 1024 * 1024;

/// How big a table is, with its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableSize {
    /// Its name as the file has it.
    pub name: String,
    /// The server's estimate; nothing while it has none.
    pub rows: Option<u64>,
    /// With indexes and everything.
    pub bytes: u64,
    /// Not even one page has been written.
    #[serde(skip)]
    pub empty: bool,
}

impl TableSize {
    /// Is it too small to matter?
    pub fn is_small(&self) -> bool {
        self.bytes < FEW_BYTES && self.rows.is_none_or(|rows| rows < FEW_ROWS)
    }

    /// As a sentence tells it.
    pub(super) fn sentence(&self) -> String {
        let (name, bytes) = (&self.name, report::bytes(self.bytes));
        match self.rows {
            _ if self.empty => format!("`{name}` is empty"),
            Some(rows) => format!("`{name}` has about {}, {bytes}", counted(rows)),
            None => format!("`{name}` takes {bytes}; nobody has counted its rows yet"),
        }
    }
}

/// `1 row`, `2,300,000 rows`.
fn counted(rows: u64) -> String {
    let digits = rows.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} row{}", if rows == 1 { "" } else { "s" })
}

/// The tables that were found, of those that were asked for.
pub(super) type Sizes = BTreeMap<Name, TableSize>;

/// One question about all of them. An index stands for its table, a table for all its partitions. The size needs a weak lock
/// on each for a moment, and must not queue up for it.
pub(super) fn question(names: &[Name]) -> String {
    let wanted = names.iter().enumerate().map(|(index, name)| {
        format!("({index}, pg_catalog.to_regclass({})::pg_catalog.oid)", literal(&name.quoted(), Dialect::Postgres))
    });
    let wanted = wanted.collect::<Vec<_>>().join(", ");
    format!(
        "SELECT pg_catalog.set_config('lock_timeout', '1s', true); \
         WITH RECURSIVE wanted (index, oid) AS (VALUES {wanted}), \
         family (index, oid) AS (SELECT w.index, coalesce(i.indrelid, w.oid) FROM wanted w \
         LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = w.oid WHERE w.oid IS NOT NULL \
         UNION SELECT f.index, h.inhrelid FROM family f JOIN pg_catalog.pg_inherits h ON h.inhparent = f.oid) \
         SELECT f.index, pg_catalog.sum(CASE WHEN c.relkind = 'p' THEN 0 ELSE greatest(c.reltuples, 0) END)::pg_catalog.int8, \
         pg_catalog.bool_or(c.relkind <> 'p' AND (c.reltuples < 0 OR c.reltuples = 0 AND c.relpages = 0)), \
         pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), pg_catalog.sum(pg_catalog.pg_relation_size(c.oid)) \
         FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid GROUP BY f.index ORDER BY f.index"
    )
}

/// The answer to it.
pub(super) fn answer(names: &[Name], rows: &[Cells]) -> Sizes {
    rows.iter().filter(|cells| cells.len() == 5).filter_map(|cells| sized(names, cells)).collect()
}

fn sized(names: &[Name], cells: &Cells) -> Option<(Name, TableSize)> {
    let number = |index: usize| cells.get(index)?.as_deref()?.parse::<u64>().ok();
    let name = names.get(usize::try_from(number(0)?).ok()?)?;
    let guessed = cells[2].as_deref() == Some("t");
    let (rows, empty) = (number(1)?, number(4)? == 0);
    let rows = match (empty, guessed && rows == 0) {
        (true, _) => Some(0),
        (false, true) => None,
        (false, false) => Some(rows),
    };
    Some((name.clone(), TableSize { name: name.to_string(), rows, bytes: number(3)?, empty }))
}
