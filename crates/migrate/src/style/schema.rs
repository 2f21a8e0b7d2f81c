//! The schema of a table that a tool makes together with its schema.

use super::Table;

/// SQL that makes the schema when it is not there. `CREATE SCHEMA IF NOT EXISTS` asks for the right to make one even when
/// nothing has to be made, so the catalog is asked first.
pub(super) fn make(table: &Table) -> Option<String> {
    let schema = table.schema.as_deref()?;
    let (value, name) = (table.literal(schema), table.literal(&crate::quote::identifier(schema)));
    Some(format!(
        "DO $mainstay$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {value}) THEN \
         EXECUTE 'CREATE SCHEMA IF NOT EXISTS ' || {name}; END IF; END $mainstay$"
    ))
}
