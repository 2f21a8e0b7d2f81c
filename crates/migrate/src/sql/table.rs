//! The table that a statement speaks of.

use super::{Dialect, name::Name, reader::Reader, split::Statement};

/// With these a `WITH` statement goes on after its queries.
const AFTER_WITH: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE", "SELECT"];

impl Statement {
    /// The table that it changes or locks, the first one of several; none for a new table, or where the text does not tell.
    pub(crate) fn table(&self, sql: &str, dialect: Dialect) -> Option<Name> {
        let mut reader = Reader::new(self, sql, dialect);
        if reader.sees("WITH") {
            reader.find(AFTER_WITH);
        }
        changed(&mut reader).or_else(|| written(&mut reader))
    }
}

fn changed(reader: &mut Reader<'_>) -> Option<Name> {
    if reader.skip_any(&["ALTER TABLE", "DROP TABLE"]) {
        reader.skip("IF EXISTS");
        // `ALTER TABLE ALL IN TABLESPACE`: whichever they are.
        return if reader.skip("ALL IN") { None } else { after_only(reader) };
    }
    if reader.skip_any(&["CREATE INDEX", "CREATE UNIQUE INDEX"]) {
        return reader.find(&["ON"]).then(|| reader.skip("ON")).and_then(|_| after_only(reader));
    }
    if reader.skip_any(&["TRUNCATE TABLE", "TRUNCATE", "LOCK TABLE", "LOCK"]) {
        return after_only(reader);
    }
    if reader.skip_any(&["REINDEX", "VACUUM", "CLUSTER"]) {
        return maintained(reader);
    }
    None
}

fn written(reader: &mut Reader<'_>) -> Option<Name> {
    if reader.skip_any(&["INSERT", "REPLACE", "MERGE"]) {
        // SQLite: `INSERT OR REPLACE INTO`.
        return reader.find(&["INTO"]).then(|| reader.skip("INTO")).and_then(|_| after_only(reader));
    }
    if reader.skip("UPDATE") {
        if reader.skip("OR") {
            reader.name();
        }
        return after_only(reader);
    }
    if reader.skip("DELETE FROM") {
        return after_only(reader);
    }
    // `COPY (SELECT …) TO` has no table.
    if reader.skip("COPY") {
        reader.skip("BINARY");
        return reader.name();
    }
    None
}

/// After `REINDEX`, `VACUUM` and `CLUSTER`: options old and new, then a table, or an index, which is none.
fn maintained(reader: &mut Reader<'_>) -> Option<Name> {
    reader.parentheses();
    if ["INDEX", "SCHEMA", "DATABASE", "SYSTEM"].iter().any(|word| reader.sees(word)) {
        return None;
    }
    while reader.skip_any(&["FULL", "FREEZE", "VERBOSE", "ANALYZE", "TABLE", "CONCURRENTLY"]) {}
    after_only(reader)
}

fn after_only(reader: &mut Reader<'_>) -> Option<Name> {
    reader.skip("ONLY");
    reader.name()
}

#[cfg(test)]
mod tests;
