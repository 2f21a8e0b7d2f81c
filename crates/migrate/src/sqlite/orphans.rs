//! Rows without the row that they refer to. What was so before a file ran is not the file's fault, so both are counted.

use rusqlite::{Connection, Error, params};
use std::collections::{BTreeMap, BTreeSet};

/// How many there are, by table, parent and the values that refer to it: a row may get another number when its table is made anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orphans(BTreeMap<(String, String, String), usize>);

/// All that `foreign_key_check` finds.
pub(super) fn orphans(connection: &Connection) -> Result<Orphans, Error> {
    let mut check = connection.prepare("SELECT \"table\", rowid, parent, fkid FROM pragma_foreign_key_check")?;
    let found = check.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let mut orphans = Orphans::default();
    for orphan in found {
        let (table, row, parent, key): (String, Option<i64>, String, i64) = orphan?;
        let values = match row {
            Some(row) => values(connection, &table, row, key)?,
            // A table without row numbers.
            None => String::new(),
        };
        *orphans.0.entry((table, parent, values)).or_default() += 1;
    }
    Ok(orphans)
}

/// The values of the columns that refer.
fn values(connection: &Connection, table: &str, row: i64, key: i64) -> Result<String, Error> {
    let mut list =
        connection.prepare_cached("SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2 ORDER BY seq")?;
    let columns = list.query_map(params![table, key], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let quoted: Vec<_> = columns.iter().map(|it| format!("quote({})", crate::quote::identifier(it))).collect();
    let (select, table) = (quoted.join(" || ',' || "), crate::quote::identifier(table));
    connection
        .prepare_cached(&format!("SELECT {select} FROM {table} WHERE rowid = ?1"))?
        .query_row([row], |it| it.get(0))
}

impl Orphans {
    /// Table and parent of those that are more than `before`.
    pub(super) fn beyond(&self, before: &Self) -> BTreeSet<(String, String)> {
        let more = self.0.iter().filter(|(orphan, count)| before.0.get(orphan).is_none_or(|before| *count > before));
        more.map(|((table, parent, _), _)| (table.clone(), parent.clone())).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().sum()
    }
}
