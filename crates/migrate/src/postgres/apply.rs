//! One file, one transaction, one row; or, where PostgreSQL allows no transaction, one piece after the other by the journal.

use super::{
    Engine,
    ask::query,
    lone,
    send::send,
    transaction::{Closing, back_to_utf8, transaction},
};
use crate::{
    MigrateError,
    failpoint::reach,
    history::Journaled,
    job::Run,
    pieces::{Piece, pieces},
    sql::Dialect,
    work::Work,
};
use database::postgres::Session;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A server process that has lost its client ends at its next message to it; more patience than this is not needed.
const OLD_BACKEND: Duration = Duration::from_secs(10);

/// Runs the file and remembers it.
pub(super) async fn perform(engine: &mut Engine, run: &Run<'_>, work: &Work<'_>) -> Result<Duration, MigrateError> {
    let started = Instant::now();
    let pieces = pieces(work.script, &work.text, Dialect::Postgres)?;
    forget_settings(engine, run).await;
    engine.used = true;
    match pieces.as_slice() {
        [] => transaction(engine, run, work, &Piece::default(), Closing::Whole { started }).await?,
        // What was begun in pieces goes on in pieces, whatever became of the file.
        [whole] if whole.transactional && !work.is_open() => {
            transaction(engine, run, work, whole, Closing::Whole { started }).await?;
        }
        pieces => step_by_step(engine, run, work, pieces, started).await?,
    }
    Ok(started.elapsed())
}

/// By the journal: what is done stays done, and the next run goes on behind it.
async fn step_by_step(
    engine: &mut Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    pieces: &[Piece],
    started: Instant,
) -> Result<(), MigrateError> {
    let journal = journal(engine, work).await?;
    work.unchanged(pieces, &journal)?;
    let done = |number: usize| journal.iter().any(|it| it.done && it.number == number);
    let mut open = true;
    if journal.is_empty() && !work.opening().is_empty() {
        reach(run.job, "opening.write");
        engine.write("mark the migration as begun", &work.opening()).await?;
        reach(run.job, "opening.written");
    }
    set_again(engine, work, pieces, done).await?;
    for (index, whole) in pieces.iter().enumerate() {
        let Some(piece) = whole.rest(done) else { continue };
        let last = index + 1 == pieces.len();
        match piece.transactional {
            true if last => {
                transaction(engine, run, work, &piece, Closing::Whole { started }).await?;
                open = false;
            }
            true => transaction(engine, run, work, &piece, Closing::Piece).await?,
            false => {
                let begun = work.has_begun(&piece, &journal);
                lone::statement(engine, run, work, &piece, begun).await?;
            }
        }
        reach(run.job, "piece.done");
    }
    if open {
        reach(run.job, "closing");
        transaction(engine, run, work, &Piece::behind(pieces), Closing::Whole { started }).await?;
    }
    Ok(())
}

/// What statements that are done have set for the session is set again, for those that follow them.
async fn set_again(
    engine: &Engine,
    work: &Work<'_>,
    pieces: &[Piece],
    done: impl Fn(usize) -> bool,
) -> Result<(), MigrateError> {
    let statements = pieces.iter().flat_map(|piece| (piece.number..).zip(&piece.statements));
    let refused = |error| MigrateError::sql("set again what the file has set", error);
    for (_, statement) in statements.filter(|(number, statement)| done(*number) && statement.sets_session()) {
        let sql = &work.text.whole[statement.range.clone()];
        send(&engine.session, sql).await.map_err(|it| refused(it.error))?;
        back_to_utf8(&engine.session, work, std::slice::from_ref(statement)).await.map_err(refused)?;
    }
    Ok(())
}

async fn journal(engine: &mut Engine, work: &Work<'_>) -> Result<Vec<Journaled>, MigrateError> {
    let cells = engine.ask("read the journal", &work.journal().select(&work.snapshot.journal)).await?;
    Ok(cells.iter().map(|cells| Journaled::of(cells)).collect())
}

/// What a file set for its session (`SET search_path`, a temporary table) must not reach the next file, which may run
/// alone another time.
async fn forget_settings(engine: &mut Engine, run: &Run<'_>) {
    if !std::mem::take(&mut engine.used) || engine.is_pooled() {
        return;
    }
    // What DISCARD ALL does; together with what we need again it would be a transaction, which DISCARD ALL refuses.
    let forget = format!(
        "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; DEALLOCATE ALL; UNLISTEN *; DISCARD PLANS; DISCARD TEMP; \
         DISCARD SEQUENCES; SELECT pg_catalog.pg_advisory_unlock_all(); {}",
        engine.at_work
    );
    if let Err(error) = engine.session.client.batch_execute(&forget).await {
        run.job.warn_of("reset the session", &engine.session.explain(&error));
    }
}

/// After a COMMIT that was never answered: waits until the server process that had it is gone, so that the ledger tells
/// the end.
pub(super) async fn settle(run: &Run<'_>, session: &Session) -> Result<(), MigrateError> {
    let Some(backend) = run.is_unsure().and_then(|unsure| unsure.backend) else { return Ok(()) };
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = {backend} AND pid <> pg_catalog.pg_backend_pid() \
         AND application_name LIKE 'mainstay-migrate/%'"
    );
    let started = Instant::now();
    while started.elapsed() < OLD_BACKEND && !query(session, "look for the lost session", &sql).await?.is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
