//! One file: one transaction and its rows; or, where it holds `VACUUM`, one piece after the other by the journal.

use super::{
    Busy, Engine,
    apply::{self, Begun, Job},
    stop::Stop,
};
use crate::{
    MigrateError,
    failpoint::reach,
    history::Journaled,
    job::Run,
    pieces::{Piece, pieces},
    sql::Dialect,
    work::{Step, Work},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

impl Engine {
    /// Waits for the write lock, then runs the file. When this is dropped, the piece that is being run is rolled back.
    pub(crate) async fn perform(&mut self, run: &Run<'_>, work: &Work<'_>) -> Result<Step<Duration>, MigrateError> {
        self.written = true;
        let started = Instant::now();
        let pieces = pieces(work.script, &work.text, Dialect::Sqlite)?;
        let done = self.journal(work, &pieces).await?;
        let mut remembered = false;
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            if done.contains(&piece.number) {
                continue;
            }
            let step = match piece.transactional {
                true => self.transaction(run, work, piece, last.then_some(started)).await?,
                false => self.lone(run, work, piece).await?,
            };
            if step == Step::Overtaken {
                return Ok(Step::Overtaken);
            }
            reach(run.job, "piece.done");
            remembered = last && piece.transactional;
        }
        if !remembered {
            let step = self.transaction(run, work, &Piece::default(), Some(started)).await?;
            if step == Step::Overtaken {
                return Ok(Step::Overtaken);
            }
        }
        Ok(Step::Done(started.elapsed()))
    }

    /// The numbers of the pieces that are done; a file that is one transaction has none.
    async fn journal(&mut self, work: &Work<'_>, pieces: &[Piece]) -> Result<Vec<usize>, MigrateError> {
        if let [] | [_] = pieces {
            return Ok(Vec::new());
        }
        let cells = self.ask("read the journal", work.journal().select(&work.view.journal)).await?;
        let journal: Vec<_> = cells.iter().map(|cells| Journaled::of(cells)).collect();
        work.unchanged(pieces, &journal)?;
        Ok(journal.iter().filter(|it| it.done).map(|it| it.number).collect())
    }

    /// The statements and what remembers them: the migration as done, when it was `started` and these are the last ones.
    async fn transaction(
        &mut self,
        run: &Run<'_>,
        work: &Work<'_>,
        piece: &Piece,
        started: Option<Instant>,
    ) -> Result<Step<()>, MigrateError> {
        let stop = Stop::default();
        let _waiting = stop.waiting();
        let job = Arc::new(Job::of(run, work, piece));
        if let Step::Overtaken = self.begin(run, work, &job, &stop).await? {
            return Ok(Step::Overtaken);
        }
        let (running, stop) = (Arc::clone(&job), stop.clone());
        self.with(move |desk| apply::body(desk, &running, &stop)).await?;
        reach(run.job, "transaction.commit");
        let rows = match started {
            Some(started) => work.closing(started.elapsed(), ""),
            None => work.journal_of(piece, ""),
        };
        let rows = rows.join(";\n");
        self.with(move |desk| apply::commit(desk, &job, &rows)).await?;
        reach(run.job, "transaction.committed");
        Ok(Step::Done(()))
    }

    /// Takes the write lock; under it, nothing that was seen before counts.
    async fn begin(
        &mut self,
        run: &Run<'_>,
        work: &Work<'_>,
        job: &Arc<Job>,
        stop: &Stop,
    ) -> Result<Step<()>, MigrateError> {
        let mut busy = Busy::new(run);
        loop {
            let (job, stop) = (Arc::clone(job), stop.clone());
            match self.with(move |desk| apply::begin(desk, &job, &stop)).await? {
                Begun::Busy => busy.wait(run).await?,
                Begun::Changed(cells) if !(work.still)(&cells) => {
                    self.with(|desk| apply::leave(desk)).await?;
                    return Ok(Step::Overtaken);
                }
                Begun::Changed(_) | Begun::Ours => return Ok(Step::Done(())),
            }
        }
    }

    /// `VACUUM`: it may be done twice without harm, so its end alone is written down.
    async fn lone(&mut self, run: &Run<'_>, work: &Work<'_>, piece: &Piece) -> Result<Step<()>, MigrateError> {
        let (stop, job) = (Stop::default(), Arc::new(Job::of(run, work, piece)));
        let _waiting = stop.waiting();
        let mut busy = Busy::new(run);
        loop {
            let (job, stop) = (Arc::clone(&job), stop.clone());
            match self.with(move |desk| apply::alone(desk, &job, &stop)).await? {
                true => break,
                false => busy.wait(run).await?,
            }
        }
        self.write(run, "write the journal", work.journal_of(piece, "")).await?;
        Ok(Step::Done(()))
    }
}
