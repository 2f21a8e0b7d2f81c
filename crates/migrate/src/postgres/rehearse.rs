//! Files in one transaction that is rolled back.

use super::{
    Engine,
    failure::{Failed, Kept, explained},
    send::{NotDone, send},
    statement_timeout,
    transaction::{Begin, RESET_ROLE, body, checked, misses_mark, of_our_own, without_mark},
};
use crate::{
    MigrateError,
    job::Run,
    pieces::{Piece, pieces},
    sql::Dialect,
    work::Work,
};
use std::time::Duration;

/// Whoever comes after us must not queue up behind a mere rehearsal for longer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    /// Begins the transaction; [`Engine::roll_back`] ends it.
    pub(crate) async fn begin_rehearsal(&mut self, run: &Run<'_>) -> Result<(), MigrateError> {
        let begin = format!("BEGIN; {}", self.limits(run));
        self.write("begin to rehearse", &[begin]).await
    }

    /// Whatever was done in it, nothing stays. Best effort: the end of the connection does the same.
    pub(crate) async fn roll_back(&mut self) {
        let _ = self.session.client.batch_execute("ROLLBACK").await;
    }

    fn limits(&self, run: &Run<'_>) -> String {
        let mut all = vec![format!("SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis())];
        if run.job.migrations.statement_timeout.is_some() {
            all.push(format!("SET LOCAL statement_timeout = {}", statement_timeout(run.job)));
        }
        all.extend(self.fence());
        all.join("; ")
    }

    /// One file in the transaction that was begun, and what would remember it.
    pub(crate) async fn rehearse(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<(), MigrateError> {
        let piece = only_piece(work)?;
        let mark = format!("{}:rehearsal", work.migration.version);
        // What the file before it set must not reach this one.
        let reset = format!(
            "{}; RESET ALL; {}; SET LOCAL mainstay.migration = '{mark}'",
            RESET_ROLE.join("; "),
            self.limits(run)
        );
        let begun = Begin { count: reset.matches("; ").count() + 1, sql: format!("{reset};\n"), mark };
        body(&self.session, work, &piece, &begun).await.map_err(|failed| self.failed(run, work, &failed))?;
        checked(self.guard.as_ref()).await?;
        self.close_rehearsal(run, work, &begun).await
    }

    async fn close_rehearsal(&self, run: &Run<'_>, work: &Work<'_>, begun: &Begin) -> Result<(), MigrateError> {
        let rows = work.closing(Duration::ZERO, &begun.is_ours());
        let done = send(&self.session, &format!("{};\n{}", RESET_ROLE.join("; "), rows.join(";\n"))).await;
        let Err(NotDone { error, .. }) = done else { return Ok(()) };
        Err(match misses_mark(&error) {
            true => without_mark(&self.session, run, work, Kept::default()).await,
            false => MigrateError::sql("write the ledger", error),
        })
    }

    /// What COMMIT would still check: constraints that are deferred. Afterwards they are deferred again.
    pub(crate) async fn check_deferred(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<(), MigrateError> {
        let done = send(&self.session, "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED").await;
        done.map_err(|NotDone { error, .. }| self.failed(run, work, &of_our_own(error)))
    }

    fn failed(&self, run: &Run<'_>, work: &Work<'_>, failed: &Failed) -> MigrateError {
        explained(run, &work.text, failed, Kept::default())
    }
}

/// All of the file as one piece.
///
/// # Errors
/// [`MigrateError::NoRehearsal`] when it is more than one transaction.
fn only_piece(work: &Work<'_>) -> Result<Piece, MigrateError> {
    let mut pieces = pieces(work.script, &work.text, Dialect::Postgres)?;
    let why = match pieces.as_slice() {
        [] => return Ok(Piece::default()),
        [one] if one.transactional => return Ok(pieces.swap_remove(0)),
        pieces if pieces.iter().all(|piece| piece.transactional) => "it is more than one transaction",
        _ => "it has a statement that cannot run in a transaction",
    };
    Err(MigrateError::NoRehearsal { file: work.text.shown.to_string(), why })
}

/// Can this file be tried like that?
///
/// # Errors
/// As [`Engine::rehearse`], before anything is done.
pub(crate) fn must_be_one_transaction(work: &Work<'_>) -> Result<(), MigrateError> {
    only_piece(work).map(drop)
}
