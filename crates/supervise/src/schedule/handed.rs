//! Jobs as they are handed over from one version of mainstay to the next, which stays the same process.

use super::{Book, life::HandedJobLife};
use crate::{guard::HandedGuard, handed::HandedPipe, output::Begun, still::Still};
use host::{
    handover::{Descriptors, Handing, moment},
    process::{Child, HandedChild, Pipe, Spawner},
};
use report::Stream;
use serde::{Deserialize, Serialize};
use std::io;
use tokio::time::Instant;

/// All jobs as they are, while the scheduler stands still.
#[derive(Debug)]
pub struct FrozenJobs {
    /// What is handed over.
    pub jobs: HandedJobs,
    /// The descriptors that go with it.
    pub handing: Handing,
    /// Dropped, the scheduler goes on.
    pub still: Still,
}

/// All jobs, as [`ScheduleHandle::stand_still`](super::ScheduleHandle::stand_still) tells them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HandedJobs {
    /// What is remembered of them, be it on the disk or not.
    pub(super) book: Book,
    pub(super) jobs: Vec<HandedJob>,
}

/// Why jobs cannot be handed over now.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobsNotStill {
    /// There is no scheduler that could.
    #[error("jobs are being stopped, or are not run yet")]
    NotRunning,
    /// Somebody outside is being told.
    #[error("the outside is still being told how a run has ended")]
    Pings,
    /// The processes of its run are just going.
    #[error("the run of `{job}` is just ending")]
    Ends {
        /// Which.
        job: String,
    },
    /// Its rules are gone.
    #[error("`{job}` is not configured any more and has a run at work")]
    Retired {
        /// Which.
        job: String,
    },
    /// Something of it cannot be handed over.
    #[error("`{job}` cannot be handed over: {why}")]
    Unable {
        /// Which.
        job: String,
        /// What the system said.
        why: String,
    },
}

/// One job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HandedJob {
    pub(super) name: String,
    pub(super) life: HandedJobLife,
    pub(super) run: Option<HandedRun>,
    pub(super) guard: Option<HandedGuard>,
    #[serde(with = "moment::option")]
    pub(super) unlock: Option<Instant>,
}

/// The processes of a run, and their outputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HandedRun {
    pub(super) child: HandedChild,
    pub(super) pipes: Vec<HandedPipe>,
}

/// An output, and the beginning of a line that was read already.
pub(super) type Output = (Box<dyn Pipe>, Stream, Begun);

impl HandedRun {
    pub(super) fn take(
        self,
        spawner: &dyn Spawner,
        all: &mut Descriptors,
    ) -> io::Result<(Box<dyn Child>, Vec<Output>)> {
        let child = spawner.adopt(self.child, all)?;
        let outputs = self.pipes.into_iter().map(|pipe| pipe.take(all)).collect::<io::Result<_>>()?;
        Ok((child, outputs))
    }
}
