//! On the database itself: under the migration lock, in one transaction that is rolled back.

use super::{
    Rehearsed,
    play::{self, Way},
};
use crate::{
    Goal, MigrateError,
    engine::{Cells, Engine},
    job::Run,
    postgres::must_be_one_transaction,
    snapshot::Snapshot,
    up::wanted,
    work::Work,
};
use std::path::Path;

/// Runs what is pending, and takes it back.
pub(super) async fn play(
    run: &Run<'_>,
    engine: &mut Engine,
    snapshot: &Snapshot,
    dir: &Path,
    goal: &Goal,
) -> Result<Vec<Rehearsed>, MigrateError> {
    let still = |_: &[Cells]| true;
    for migration in wanted(run, snapshot, goal)? {
        must_be_one_transaction(&Work::up(snapshot, migration, run.job.who, &still)?)?;
    }
    engine.lock(run, &snapshot.catalog, &snapshot.co_locks()).await?;
    if let Engine::Postgres(postgres) = engine {
        postgres.begin_rehearsal(run).await?;
    }
    let files = play::play(run.job, engine, dir, goal, Way::InOne).await;
    if let Engine::Postgres(postgres) = engine {
        postgres.roll_back().await;
    }
    files
}
