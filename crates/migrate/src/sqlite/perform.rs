//! One file: one transaction and its rows; or, where it holds `VACUUM`, one piece after the other by the journal.

use super::{
    Busy, Engine,
    apply::{self, Anew, Begun, Job},
    stop::Stop,
};
use crate::{
    FileFailure, MigrateError,
    engine::Cells,
    failpoint::reach,
    history::Journaled,
    job::Run,
    pieces::{Piece, pieces},
    sql::Dialect,
    work::{Step, Work},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What remembers the statements.
enum Closing<'a> {
    /// They are the last ones: the migration is done, which was begun then.
    Whole(Instant),
    /// There are more: the journal has those of this piece.
    Piece(&'a Piece),
}

/// The numbers of the statements that are done, by the journal.
type Done = BTreeSet<usize>;

impl Engine {
    /// Waits for the write lock, then runs the file. When this is dropped, the piece that is being run is rolled back.
    pub(crate) async fn perform(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<Step<Duration>, MigrateError> {
        self.written = true;
        let started = Instant::now();
        let pieces = pieces(work.script, &work.text, Dialect::Sqlite)?;
        let mut done = self.journal(work, &pieces).await?;
        let mut remembered = false;
        for (index, whole) in pieces.iter().enumerate() {
            let Some(piece) = whole.rest(|number| done.contains(&number)) else { continue };
            let piece = &piece;
            remembered = index + 1 == pieces.len() && piece.transactional;
            let closing = if remembered { Closing::Whole(started) } else { Closing::Piece(piece) };
            let step = match piece.transactional {
                true => self.transaction(run, work, piece, closing, &done).await?,
                false => self.lone(run, work, piece, &done).await?,
            };
            if step == Step::Overtaken {
                return Ok(Step::Overtaken);
            }
            done.extend(piece.number..piece.number + piece.statements.len());
            reach(run.job, "piece.done");
        }
        if !remembered {
            reach(run.job, "closing");
            let closing = Closing::Whole(started);
            if let Step::Overtaken = self.transaction(run, work, &Piece::behind(&pieces), closing, &done).await? {
                return Ok(Step::Overtaken);
            }
        }
        Ok(Step::Done(started.elapsed()))
    }

    /// What is done already; a file that is one transaction has nothing in the journal.
    async fn journal(&mut self, work: &Work<'_>, pieces: &[Piece]) -> Result<Done, MigrateError> {
        if pieces.len() < 2 && !work.is_open() {
            return Ok(Done::new());
        }
        let cells = self.ask(work.journal().select(&work.snapshot.journal)).await?;
        let journal: Vec<_> = cells.iter().map(|cells| Journaled::of(cells)).collect();
        work.unchanged(pieces, &journal)?;
        Ok(done(&cells))
    }

    /// The statements and what remembers them.
    async fn transaction(
        &mut self,
        run: &Run<'_>,
        work: &Work<'_>,
        piece: &Piece,
        closing: Closing<'_>,
        done: &Done,
    ) -> Result<Step<()>, MigrateError> {
        let stop = Stop::default();
        let _waiting = stop.waiting();
        let job = Arc::new(Job::of(work, piece));
        if let Step::Overtaken = self.begin(run, work, &job, &stop, done).await? {
            return Ok(Step::Overtaken);
        }
        let (running, stop) = (Arc::clone(&job), stop.clone());
        let ran = self.with(move |desk| apply::body(desk, &running, &stop)).await;
        ran.map_err(|error| error.beside(run))?;
        reach(run.job, "transaction.commit");
        let rows = match closing {
            Closing::Whole(started) => work.closing(started.elapsed(), ""),
            Closing::Piece(piece) => work.journal_of(piece, ""),
        };
        let rows = rows.join(";\n");
        let committed = self.with(move |desk| apply::commit(desk, &job, &rows)).await;
        committed.map_err(|error| error.beside(run))?;
        reach(run.job, "transaction.committed");
        Ok(Step::Done(()))
    }

    /// Takes the write lock; under it, nothing that was seen before counts: somebody else may have done the file, or a part of it.
    async fn begin(
        &mut self,
        run: &Run<'_>,
        work: &Work<'_>,
        job: &Arc<Job>,
        stop: &Stop,
        seen: &Done,
    ) -> Result<Step<()>, MigrateError> {
        let mut busy = Busy::new(run);
        loop {
            let (job, stop) = (Arc::clone(job), stop.clone());
            match self.with(move |desk| apply::begin(desk, &job, &stop)).await? {
                Begun::Busy => busy.wait(run).await?,
                Begun::Changed(anew) if is_overtaken(work, &anew, seen) => {
                    self.with(apply::leave).await?;
                    return Ok(Step::Overtaken);
                }
                Begun::Changed(_) | Begun::Ours => return Ok(Step::Done(())),
            }
        }
    }

    /// `VACUUM`: it may be done twice without harm, so its end alone is written down.
    async fn lone(
        &mut self,
        run: &Run<'_>,
        work: &Work<'_>,
        piece: &Piece,
        done: &Done,
    ) -> Result<Step<()>, MigrateError> {
        let (stop, job) = (Stop::default(), Arc::new(Job::of(work, piece)));
        let _waiting = stop.waiting();
        let mut busy = Busy::new(run);
        reach(run.job, "lone.begun");
        loop {
            let (job, stop) = (Arc::clone(&job), stop.clone());
            let done = self.with(move |desk| apply::alone(desk, &job, &stop)).await;
            match done.map_err(|error| error.beside(run))? {
                true => break,
                false => busy.wait(run).await?,
            }
        }
        reach(run.job, "lone.done");
        self.transaction(run, work, &Piece::behind(std::slice::from_ref(piece)), Closing::Piece(piece), done).await
    }
}

impl MigrateError {
    /// With what this run has applied before the file that failed. It is asked for only then: of thousands of files it is much.
    fn beside(self, run: &Run<'_>) -> Self {
        match self {
            MigrateError::File(failure) => MigrateError::File(Box::new(FileFailure { kept: run.kept(), ..*failure })),
            other => other,
        }
    }
}

/// Has somebody else done the file meanwhile, or a part of it, or one before it?
fn is_overtaken(work: &Work<'_>, anew: &Anew, seen: &Done) -> bool {
    !(work.still)(&anew.ledger) || !work.recorded_alike(&anew.history) || done(&anew.journal) != *seen
}

fn done(journal: &[Cells]) -> Done {
    let journal = journal.iter().map(|cells| Journaled::of(cells));
    journal.filter(|it| it.done).map(|it| it.number).collect()
}
