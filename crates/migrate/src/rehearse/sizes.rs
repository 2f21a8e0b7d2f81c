//! How large the tables are in the real database, so that a person sees what a lock on them means.

use super::{Rehearsed, Size};
use crate::{
    MigrateError,
    catalog::Catalog,
    engine::{Cells, Engine},
    quote::literal,
    sql::Dialect,
};

/// The files with the sizes of the tables that they touched. Nothing is known of tables that a file made before.
pub(super) async fn with_sizes(
    engine: &mut Engine,
    catalog: &Catalog,
    mut files: Vec<Rehearsed>,
) -> Result<Vec<Rehearsed>, MigrateError> {
    let mut places: Vec<_> = files.iter().flat_map(|file| &file.locks).map(|held| held.place.clone()).collect();
    places.sort();
    places.dedup();
    if places.is_empty() || catalog.dialect == Dialect::Sqlite {
        return Ok(files);
    }
    let rows = engine.ask("look how large the tables are", question(&places)).await?;
    let sizes: Vec<_> = rows.iter().filter_map(size).collect();
    for held in files.iter_mut().flat_map(|file| &mut file.locks) {
        held.size = sizes.iter().find(|(place, _)| *place == held.place).map(|(_, size)| *size);
    }
    Ok(files)
}

/// A partitioned table is as large as its partitions.
fn question(places: &[(String, String)]) -> String {
    let text = |text: &str| literal(text, Dialect::Postgres);
    let places: Vec<_> = places.iter().map(|(schema, name)| format!("({}, {})", text(schema), text(name))).collect();
    format!(
        "SELECT n.nspname, c.relname, sum(CASE WHEN p.reltuples >= 0 THEN p.reltuples END)::bigint, \
         coalesce(sum(pg_catalog.pg_total_relation_size(p.oid)), 0)::bigint \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN LATERAL (SELECT l.oid, l.reltuples FROM pg_catalog.pg_class l WHERE l.relkind IN ('r', 'm') AND l.oid IN \
         (SELECT c.oid UNION SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t)) p ON true \
         WHERE (n.nspname, c.relname) IN ({}) GROUP BY n.nspname, c.relname",
        places.join(", ")
    )
}

fn size(cells: &Cells) -> Option<((String, String), Size)> {
    let text = |index: usize| cells.get(index).cloned().flatten();
    let size = Size { rows: text(2).and_then(|rows| rows.parse().ok()), bytes: text(3)?.parse().ok()? };
    Some(((text(0)?, text(1)?), size))
}
