//! What a decision rests on. On SQLite nobody is kept out before something is written, so it is looked at once more then.

use crate::{
    MigrateError,
    engine::{Cells, Engine},
    history,
    job::Run,
    snapshot::Snapshot,
    up::prepared,
};
use std::path::Path;

/// Questions and their answers; none on PostgreSQL, where the lock keeps others out.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadSet(pub(crate) Vec<(String, Vec<Cells>)>);

/// Under the lock: everything there is to know, with the tables made, and what has to be so still when it is acted upon.
pub(crate) async fn take(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<(Snapshot, ReadSet), MigrateError> {
    let snapshot = prepared(run, engine, dir).await?;
    let Engine::Sqlite(_) = engine else { return Ok((snapshot, ReadSet::default())) };
    let mut read_set = ReadSet::default();
    let ledger = snapshot.style.select(&snapshot.table);
    for sql in [ledger, history::select(&snapshot.history), history::open(&snapshot.journal)] {
        let cells = engine.ask("read the ledger", sql.clone()).await?;
        read_set.0.push((sql, cells));
    }
    // What is decided must not be older than what is compared.
    Ok((Snapshot::take(run, engine, dir).await?, read_set))
}
