//! A statement that cannot run in a transaction: written down before, done, looked at, written down again. When the end of an
//! earlier try was not seen, the catalog is asked whether it happened.

use super::{
    Engine,
    ask::not_written,
    failure::{Failed, Kept, Sent, explained},
    index::{self, IndexState},
    read_only::{READ_ONLY, judged},
    resolve::{Happened, resolved},
    send::{NotDone, send},
    statement_timeout,
    transaction::{Closing, as_ourselves, back_to_utf8, checked, roll_back},
    watch::{Watched, watched},
};
use crate::{
    MigrateError,
    failpoint::reach,
    job::Run,
    pieces::Piece,
    sql::{Dialect, Nature},
    work::{Direction, Work},
};
use report::{Event, Level};
use std::time::Duration;

/// The first look at a statement that runs alone comes after this long.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// An invalid index is dropped without holding up anybody for longer.
const DROP_PATIENCE: Duration = Duration::from_secs(10);

/// Does the statement of `piece`; `begun` when an earlier run began it and did not see its end.
pub(super) async fn statement(
    engine: &mut Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    begun: bool,
) -> Result<(), MigrateError> {
    let Some(statement) = piece.statements.first() else { return Ok(()) };
    let nature = statement.nature(&work.text.whole, Dialect::Postgres);
    if begun && happened(engine, work, piece, &nature).await? {
        return note(engine, run, work, piece, true).await;
    }
    let before = prepare(engine, run, &nature).await?;
    checked(engine.guard.as_ref()).await?;
    note(engine, run, work, piece, false).await?;
    reach(run.job, "lone.begun");
    if let Err(error) = act(engine, run, work, piece, &nature).await {
        clear_up(engine, run, &nature, &before).await;
        if !is_lost(&error) {
            // The server said that it was not done, so nobody has to look.
            let sql = work.journal().forget(&work.snapshot.journal, piece.number);
            write_journal(engine, run, work, piece, &sql).await?;
        }
        return Err(judged(&engine.session, error).await);
    }
    reach(run.job, "lone.done");
    let doing = "go back to UTF-8";
    back_to_utf8(&engine.session, work, &piece.statements).await.map_err(|error| MigrateError::sql(doing, error))?;
    assert_valid(engine, work, &nature, &before).await?;
    note(engine, run, work, piece, true).await
}

/// Was it done?
///
/// # Errors
/// [`MigrateError::CannotTell`]: a person must look.
async fn happened(engine: &Engine, work: &Work<'_>, piece: &Piece, nature: &Nature) -> Result<bool, MigrateError> {
    not_building(engine, nature).await?;
    match resolved(&engine.session, nature).await? {
        Happened::Yes => Ok(true),
        Happened::No => Ok(false),
        Happened::CannotTell => Err(MigrateError::CannotTell {
            file: work.text.shown.to_string(),
            statement: piece.number,
            version: work.migration.version.clone(),
            back: work.direction == Direction::Down,
        }),
    }
}

/// A build that goes on will tell by its end; the next attempt looks again.
async fn not_building(engine: &Engine, nature: &Nature) -> Result<(), MigrateError> {
    let Nature::CreateIndexConcurrently { name: Some(name), table, .. } = nature else { return Ok(()) };
    match index::state(&engine.session, table, &name.object).await? {
        IndexState::Building { pid } => Err(MigrateError::IndexBusy { name: name.object.clone(), pid }),
        _ => Ok(()),
    }
}

/// Behind a pooler the session is another client's next, and the statement cannot stand in a transaction with a setting of its own;
/// it waits as long as it must then, and holds up nobody meanwhile.
fn patience(engine: &Engine) -> Option<Duration> {
    (!engine.is_pooled()).then_some(DROP_PATIENCE)
}

/// What a failed build left behind must go first: `IF NOT EXISTS` would take it for the index. Answers with the invalid
/// indexes that are there all the same.
async fn prepare(engine: &Engine, run: &Run<'_>, nature: &Nature) -> Result<Vec<String>, MigrateError> {
    let Nature::CreateIndexConcurrently { name, table, .. } = nature else { return Ok(Vec::new()) };
    let session = &engine.session;
    if let Some(name) = name {
        match index::state(session, table, &name.object).await? {
            IndexState::Invalid => {
                index::drop_invalid(session, table, &name.object, patience(engine)).await?;
                let text =
                    format!("dropped the invalid index `{}`, which a build that failed left behind", name.object);
                run.job.journal.note(Event::new("migrate.invalid-index", text).level(Level::Warn));
            }
            IndexState::Building { pid } => return Err(MigrateError::IndexBusy { name: name.object.clone(), pid }),
            _ => {}
        }
    }
    index::invalid(session, table).await
}

/// The statement itself. What builds or drops concurrently waits as long as it must, for it holds up nobody else; what takes a
/// strong lock (`VACUUM FULL`, `CLUSTER`, `REINDEX SCHEMA`) gives up, and comes back with the next attempt.
async fn act(
    engine: &Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    nature: &Nature,
) -> Result<(), MigrateError> {
    let (session, range) = (&engine.session, piece.range());
    if !engine.is_pooled() {
        let strong = piece.statements.iter().any(|statement| {
            statement.is_ddl(&work.text.whole, Dialect::Postgres)
                && !statement.words.iter().any(|word| word == "CONCURRENTLY")
        });
        let patience = if strong { DROP_PATIENCE.as_millis() } else { 0 };
        let settings = format!("SET lock_timeout = {patience}; SET statement_timeout = {}", statement_timeout(run.job));
        send(session, &settings).await.map_err(|it| MigrateError::sql("set the time limits", it.error))?;
    }
    let watch =
        Watched { job: run.job, shown: &work.text.shown, session, guard: engine.guard.as_ref(), first: FIRST_LOOK };
    if let Some(guard) = &engine.guard {
        guard.lend().await?;
    }
    let (done, _) = watched(watch, send(session, &work.text.whole[range.clone()])).await;
    if let Some(guard) = &engine.guard {
        guard.take_back(run.job.migrations.lock_timeout).await?;
    }
    done.map_err(|not_done| {
        let sent = Sent { prefix: 0, start: range.start };
        let failed = Failed { error: not_done.error, statement: Some(range.clone()), sent };
        let committed = matches!(nature, Nature::Call);
        explained(run, &work.text, &failed, Kept { committed, ..kept(piece) })
    })
}

/// Did the connection end before the server could say how the statement ended?
fn is_lost(error: &MigrateError) -> bool {
    match error {
        MigrateError::File(failure) => {
            failure.code.as_deref().is_none_or(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        _ => true,
    }
}

/// A build that failed leaves nothing behind, as far as the server still listens.
async fn clear_up(engine: &Engine, run: &Run<'_>, nature: &Nature, before: &[String]) {
    let Nature::CreateIndexConcurrently { name, table, .. } = nature else { return };
    let invalid = index::invalid(&engine.session, table).await.unwrap_or_default();
    let ours = |index: &&String| match name {
        Some(name) => name.object == **index,
        None => !before.contains(index),
    };
    for index in invalid.iter().filter(ours) {
        if let Err(error) = index::drop_invalid(&engine.session, table, index, patience(engine)).await {
            let text = format!("the invalid index `{index}` stays behind until the next run: {error}");
            run.job.warn("migrate.invalid-index", text);
        }
    }
}

/// Done means that the index can be used.
async fn assert_valid(
    engine: &Engine,
    work: &Work<'_>,
    nature: &Nature,
    before: &[String],
) -> Result<(), MigrateError> {
    let Nature::CreateIndexConcurrently { name, table, .. } = nature else { return Ok(()) };
    let session = &engine.session;
    let invalid = match name {
        Some(name) => match index::state(session, table, &name.object).await? {
            IndexState::Valid => return Ok(()),
            _ => Some(name.object.clone()),
        },
        None => index::invalid(session, table).await?.into_iter().find(|name| !before.contains(name)),
    };
    match invalid {
        Some(name) => Err(MigrateError::InvalidIndex { file: work.text.shown.to_string(), name }),
        None => Ok(()),
    }
}

async fn note(
    engine: &mut Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    done: bool,
) -> Result<(), MigrateError> {
    let text = piece.statements.first().map_or("", |statement| &work.text.whole[statement.range.clone()]);
    let sql = work.journal().write(&work.snapshot.journal, piece.number, text, done, "");
    reach(run.job, "journal.write");
    write_journal(engine, run, work, piece, &sql).await?;
    reach(run.job, "journal.written");
    Ok(())
}

async fn write_journal(
    engine: &Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    sql: &str,
) -> Result<(), MigrateError> {
    let begin = vec!["BEGIN".to_owned()];
    let all = [begin, as_ourselves(work, Closing::Piece), vec![sql.to_owned(), "COMMIT".to_owned()]].concat();
    let Err(NotDone { error, .. }) = send(&engine.session, &all.join("; ")).await else { return Ok(()) };
    roll_back(&engine.session).await;
    if error.code != READ_ONLY {
        return Err(not_written("write the journal", error));
    }
    // The file may have made its session read-only in a statement before.
    let failed = Failed { error, statement: Some(piece.range()), sent: Sent::default() };
    Err(judged(&engine.session, explained(run, &work.text, &failed, kept(piece))).await)
}

/// What stays when this statement fails: those before it.
fn kept(piece: &Piece) -> Kept {
    Kept { statements: piece.number - 1, ..Kept::default() }
}
