//! Those who have asked for a run and want to know what becomes of it.

use super::run::{RunRecord, Taken};
use tokio::sync::mpsc::UnboundedSender;

/// What somebody who asked for a run is told of it, in this order. When nothing more comes and it is not [over](Self::Over),
/// it was called off.
#[derive(Clone, Debug, PartialEq)]
pub enum RunNews {
    /// How it was taken.
    Taken(Taken),
    /// A try of it has begun.
    Began {
        /// The process.
        pid: u32,
        /// Which try it is, from 1.
        attempt: u32,
    },
    /// What became of it.
    Over(RunRecord),
}

/// Those who have asked for runs of one job.
#[derive(Default)]
pub(super) struct Askers {
    /// Whose request is being taken.
    new: Option<UnboundedSender<RunNews>>,
    /// Of the run that begins or is at work.
    of_this: Vec<UnboundedSender<RunNews>>,
    /// Of the one that follows.
    of_next: Vec<UnboundedSender<RunNews>>,
}

impl Askers {
    /// Somebody asks; [`Askers::taken`] follows, unless it means nothing any more.
    pub(super) fn asks(&mut self, news: UnboundedSender<RunNews>) {
        self.new = Some(news);
    }

    pub(super) fn taken(&mut self, how: Taken) {
        let Some(news) = self.new.take() else { return };
        let _ = news.send(RunNews::Taken(how));
        match how {
            Taken::Begins | Taken::Joins => self.of_this.push(news),
            Taken::Queued | Taken::Replaces => self.of_next.push(news),
            Taken::Skipped => {}
        }
    }

    /// The one that asked last was not heard: nothing begins any more.
    pub(super) fn unheard(&mut self) {
        self.new = None;
    }

    pub(super) fn began(&self, pid: u32, attempt: u32) {
        self.of_this.iter().for_each(|news| drop(news.send(RunNews::Began { pid, attempt })));
    }

    /// That run is over, and the next one has its turn.
    pub(super) fn over(&mut self, record: &RunRecord) {
        for news in std::mem::replace(&mut self.of_this, std::mem::take(&mut self.of_next)) {
            let _ = news.send(RunNews::Over(record.clone()));
        }
    }

    /// Nothing begins any more.
    pub(super) fn call_off(&mut self, at_work: bool) {
        self.of_next.clear();
        if !at_work {
            self.of_this.clear();
        }
    }
}
