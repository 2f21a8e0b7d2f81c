//! What a decision rests on. On SQLite nobody is kept out before something is written, so it is looked at once more then.

use crate::{
    MigrateError,
    engine::{Cells, Engine},
    history,
    job::Run,
    up::prepared,
    view::View,
};
use std::path::Path;

/// Questions and their answers; none on PostgreSQL, where the lock keeps others out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) Vec<(String, Vec<Cells>)>);

/// Under the lock: everything there is to know, with the tables made, and what has to be so still when it is acted upon.
pub(crate) async fn seen(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<(View, Seen), MigrateError> {
    let view = prepared(run, engine, dir).await?;
    let Engine::Sqlite(_) = engine else { return Ok((view, Seen::default())) };
    let mut seen = Seen::default();
    let ledger = view.style.select(&view.table);
    for sql in [ledger, history::select(&view.history), history::open(&view.journal)] {
        let cells = engine.ask("read the ledger", sql.clone()).await?;
        seen.0.push((sql, cells));
    }
    // What is decided must not be older than what is compared.
    Ok((View::take(run, engine, dir).await?, seen))
}
