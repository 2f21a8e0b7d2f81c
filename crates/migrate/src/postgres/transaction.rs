//! One transaction: statements of a file and what remembers them, both or neither. A lock that is not to be had soon is
//! given up, so that nobody queues up behind us, and asked for again.

use super::{
    Engine, Guard,
    ask::not_written,
    failure::{Failed, Kept, Sent, explained, not_ours, reset},
    lease::FENCED,
    read_only::{READ_ONLY, judged},
    send::{NotDone, rows, send},
    statement_timeout,
    watch::{Watched, watched},
};
use crate::{
    MigrateError,
    failpoint::reach,
    history,
    job::{Run, Unsure, applied},
    lock::{Rung, Strength},
    pieces::Piece,
    sql::{Dialect, Statement},
    work::Work,
};
use database::postgres::{Session, SqlError};
use futures_util::future::join;
use report::{Event, Level};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What remembers the statements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Closing {
    /// They are the last ones: the migration is done.
    Whole {
        /// When its first statement was begun.
        started: Instant,
    },
    /// There are more: the journal has them.
    Piece,
}

/// Runs the statements of a piece and remembers them, in one transaction.
///
/// # Errors
/// [`MigrateError::TableLocked`] when the budget for waiting is spent; nothing of the piece was kept then.
pub(super) async fn transaction(
    engine: &mut Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    closing: Closing,
) -> Result<(), MigrateError> {
    run.ladder().begin(strength(work, piece));
    loop {
        let Some(rung) = run.ladder().rung() else { return Err(spent(run, work, piece, None)) };
        let watch = Watched {
            job: run.job,
            shown: &work.text.shown,
            session: &engine.session,
            guard: engine.guard.as_ref(),
            first: (rung.lock_timeout / 2).min(Duration::from_secs(1)),
        };
        let (done, blocked) = watched(watch, attempt(engine, run, work, piece, closing, rung)).await;
        match done {
            Ok(flush) => {
                run.committed(flush);
                return Ok(());
            }
            Err(error) if is_lock(&error) => {
                run.ladder().spent(rung.lock_timeout);
                if run.ladder().left().is_zero() {
                    return Err(spent(run, work, piece, blocked));
                }
                say_again(run, work, piece, rung, blocked.as_deref());
                sleep(rung.then_sleep).await;
            }
            Err(error) => return Err(judged(&engine.session, error).await),
        }
    }
}

fn strength(work: &Work<'_>, piece: &Piece) -> Strength {
    let is_ddl = |statement: &Statement| statement.is_ddl(&work.text.whole, Dialect::Postgres);
    if piece.statements.iter().any(is_ddl) { Strength::Schema } else { Strength::Data }
}

fn is_lock(error: &MigrateError) -> bool {
    matches!(error, MigrateError::File(failure) if failure.code.as_deref() == Some("55P03"))
}

fn spent(run: &Run<'_>, work: &Work<'_>, piece: &Piece, blocked: Option<String>) -> MigrateError {
    MigrateError::TableLocked {
        file: work.text.shown.to_string(),
        budget: run.job.migrations.lock_budget,
        blocked,
        statements: kept(piece).statements,
        kept: run.kept(),
    }
}

fn say_again(run: &Run<'_>, work: &Work<'_>, piece: &Piece, rung: Rung, blocked: Option<&str>) {
    let (shown, left) = (&work.text.shown, run.ladder().left());
    let why = blocked.unwrap_or("waits for a lock that somebody else holds");
    let done = match kept(piece).statements {
        0 => "nothing of it is kept".to_owned(),
        done => format!("{} of it stay", report::count(done, "statement")),
    };
    let text = format!(
        "`{shown}` {why}; {done}, next try in {}, {} of `lock_budget` left",
        report::seconds(rung.then_sleep),
        report::seconds(left)
    );
    run.job.journal.note(
        Event::new("migrate.blocked", text)
            .level(Level::Warn)
            .with("file", &**shown)
            .with("next", rung.then_sleep)
            .with("left", left),
    );
}

/// One try. Answers with SQL that brings it to the disk.
async fn attempt(
    engine: &Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    closing: Closing,
    rung: Rung,
) -> Result<String, MigrateError> {
    let begun = Begin::of(engine, run, work, piece, rung);
    let (body, held) = join(body(&engine.session, work, piece, &begun), checked(engine.guard.as_ref())).await;
    let failed = match (body, held) {
        (Ok(()), Ok(())) => None,
        (Err(failed), _) if failed.error.code == FENCED => Some(MigrateError::LockLost),
        (Err(failed), _) => Some(explained(run, &work.text, &failed, kept(piece))),
        (Ok(()), Err(lost)) => Some(lost),
    };
    if let Some(error) = failed {
        roll_back(&engine.session).await;
        return Err(error);
    }
    reach(run.job, "transaction.commit");
    close(engine, run, work, piece, closing, &begun).await?;
    reach(run.job, "transaction.committed");
    Ok(history::flush(&work.snapshot.journal))
}

/// What begins the transaction.
pub(super) struct Begin {
    pub(super) sql: String,
    /// So many statements are in it.
    pub(super) count: usize,
    /// What `mainstay.migration` is set to, for this transaction alone.
    pub(super) mark: String,
}

impl Begin {
    fn of(engine: &Engine, run: &Run<'_>, work: &Work<'_>, piece: &Piece, rung: Rung) -> Self {
        let mark = format!("{}:{}", work.migration.version, engine.session.backend_pid.unwrap_or_default());
        let begin = piece.begin.clone().map_or("BEGIN", |range| &work.text.whole[range]);
        let mut all = vec![
            begin.to_owned(),
            format!("SET LOCAL mainstay.migration = '{mark}'"),
            "SET LOCAL synchronous_commit = off".to_owned(),
            format!("SET LOCAL lock_timeout = {}", rung.lock_timeout.as_millis()),
        ];
        // A limit of the role is made for the application's statements.
        all.push(format!("SET LOCAL statement_timeout = {}", statement_timeout(run.job)));
        all.extend(engine.fence());
        Self { count: all.len(), sql: format!("{};\n", all.join("; ")), mark }
    }

    /// A condition in SQL: is the transaction still the one that was begun? The mark is gone when the file has ended it.
    pub(super) fn is_ours(&self) -> String {
        format!("pg_catalog.current_setting('mainstay.migration', true) = '{}'", self.mark)
    }
}

/// The statements of the piece, after what begins their transaction.
pub(super) async fn body(session: &Session, work: &Work<'_>, piece: &Piece, begin: &Begin) -> Result<(), Failed> {
    statements(session, work, piece, begin).await?;
    back_to_utf8(session, work, &piece.statements).await.map_err(of_our_own)
}

/// All in one message, where none of them brings rows along.
async fn statements(session: &Session, work: &Work<'_>, piece: &Piece, begin: &Begin) -> Result<(), Failed> {
    let whole = &work.text.whole;
    if !piece.copies() {
        let range = piece.range();
        let sent = Sent { prefix: begin.sql.chars().count(), start: range.start };
        let sql = format!("{}{}", begin.sql, &whole[range]);
        let done = send(session, &sql).await;
        return done.map_err(|NotDone { error, done }| {
            let statement = piece.statements.get(done.saturating_sub(begin.count)).map(|it| it.range.clone());
            Failed { error, statement, sent }
        });
    }
    send(session, &begin.sql).await.map_err(|not_done| of_our_own(not_done.error))?;
    for statement in &piece.statements {
        let (text, sent) = (&whole[statement.range.clone()], Sent { prefix: 0, start: statement.range.start });
        let done = match &statement.data {
            Some(data) => rows(session, text, &whole[data.clone()]).await,
            None => send(session, text).await.map_err(|not_done| not_done.error),
        };
        done.map_err(|error| Failed { error, statement: Some(statement.range.clone()), sent })?;
    }
    Ok(())
}

/// A dump may set the encoding that it was made in; what we write, names of files among it, is UTF-8.
pub(super) async fn back_to_utf8(session: &Session, work: &Work<'_>, done: &[Statement]) -> Result<(), SqlError> {
    match done.iter().any(|statement| statement.sets_encoding(&work.text.whole)) {
        true => send(session, "SET client_encoding = 'UTF8'").await.map_err(|not_done| not_done.error),
        false => Ok(()),
    }
}

pub(super) fn of_our_own(error: SqlError) -> Failed {
    Failed { error, statement: None, sent: Sent::default() }
}

/// Still the only ones? Asked while the file runs, and answered before its COMMIT.
pub(super) async fn checked(guard: Option<&Guard>) -> Result<(), MigrateError> {
    match guard {
        Some(guard) => guard.check().await,
        None => Err(MigrateError::LockLost),
    }
}

/// The rows, if the transaction is still the one that we began, and COMMIT.
async fn close(
    engine: &Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    piece: &Piece,
    closing: Closing,
    begin: &Begin,
) -> Result<(), MigrateError> {
    let took = if let Closing::Whole { started } = closing { started.elapsed() } else { Duration::ZERO };
    let mut rows = match closing {
        Closing::Whole { .. } => work.closing(took, &begin.is_ours()),
        Closing::Piece => work.journal_of(piece, &begin.is_ours()),
    };
    // Behind a pooler the session is another client's next: what the file set for it ends with the transaction.
    if engine.is_pooled() {
        rows.extend(leave_clean());
    }
    let rows = [as_ourselves(work, closing), rows, vec!["COMMIT".to_owned()]].concat();
    let sql = rows.join(";\n");
    let Err(NotDone { error, done }) = send(&engine.session, &sql).await else { return Ok(()) };
    if error.lost {
        return Err(unknown(engine, run, work, closing, took, &error));
    }
    if misses_mark(&error) {
        return Err(without_mark(&engine.session, run, work, kept(piece)).await);
    }
    roll_back(&engine.session).await;
    let was_at_commit = done + 1 >= rows.len();
    // The file may have made it read-only and written nothing.
    if !was_at_commit && error.code != READ_ONLY {
        return Err(not_written("write the ledger", error));
    }
    // A server that still speaks to us in an ERROR has rolled back: a deferred constraint, for instance.
    Err(explained(run, &work.text, &of_our_own(error), kept(piece)))
}

/// The connection ended with COMMIT on its way. It may have arrived, and no disk was waited for.
fn unknown(
    engine: &Engine,
    run: &Run<'_>,
    work: &Work<'_>,
    closing: Closing,
    took: Duration,
    error: &SqlError,
) -> MigrateError {
    run.committed(history::flush(&work.snapshot.journal));
    if let Closing::Whole { .. } = closing {
        run.unsure(Unsure { applied: applied(work.migration, took), backend: engine.session.backend_pid });
    }
    MigrateError::UnknownCommit { file: work.text.shown.to_string(), cause: error.to_string() }
}

/// Was the row refused because [`Begin::is_ours`] was not true?
pub(super) fn misses_mark(error: &SqlError) -> bool {
    error.code == "23502" && error.column.as_deref() == Some("sha256")
}

/// What stays when a transaction of the file fails: the statements before it.
fn kept(piece: &Piece) -> Kept {
    Kept { statements: piece.number.max(1) - 1, ..Kept::default() }
}

/// The mark is gone: with the transaction, or the file has reset all settings. A transaction that is still there was broken by our
/// statement that missed the mark, and takes no other one.
pub(super) async fn without_mark(session: &Session, run: &Run<'_>, work: &Work<'_>, kept: Kept) -> MigrateError {
    let is_there = send(session, "SELECT 1").await.is_err_and(|not_done| not_done.error.code == "25P02");
    roll_back(session).await;
    if is_there { reset(run, &work.text, kept) } else { not_ours(run, &work.text, kept) }
}

/// The file may have put on a role that may not write into our tables. Where there are more pieces, it has it again behind them.
pub(super) fn as_ourselves(work: &Work<'_>, closing: Closing) -> Vec<String> {
    let sql: &[_] = match closing {
        Closing::Whole { .. } => &RESET_ROLE,
        // What a role was put on upon may not be touched without need: its end would take off the role as well.
        Closing::Piece if work.authorizes => &LOCAL,
        Closing::Piece => &LOCAL[1..],
    };
    sql.iter().map(|&sql| sql.to_owned()).collect()
}

/// Whoever connected is the one who acts again.
pub(super) const RESET_ROLE: [&str; 2] = ["SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE"];
/// The same until the transaction ends.
const LOCAL: [&str; 2] = ["SET LOCAL SESSION AUTHORIZATION DEFAULT", "SET LOCAL role TO DEFAULT"];

fn leave_clean() -> Vec<String> {
    RESET_ROLE.into_iter().chain(["RESET ALL"]).map(str::to_owned).collect()
}

/// Best effort: the end of the connection does the same.
pub(super) async fn roll_back(session: &Session) {
    let _ = session.client.batch_execute("ROLLBACK").await;
}
