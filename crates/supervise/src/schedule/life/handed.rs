//! The life of a job as it is handed over to the next version of mainstay.

use super::JobLife;
use crate::schedule::{
    phase::{Effect, Phase},
    run::Planned,
};
use config::Job;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// All of a [`JobLife`] but its rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::schedule) struct HandedJobLife {
    phase: Phase,
    through: Timestamp,
    seen: Timestamp,
    queued: Option<Planned>,
}

impl JobLife {
    pub(in crate::schedule) fn hand_over(&self) -> HandedJobLife {
        let Self { phase, through, seen, queued, .. } = self.clone();
        HandedJobLife { phase, through, seen, queued }
    }

    /// The life of `job` goes on.
    pub(in crate::schedule) fn take_over(job: Arc<Job>, handed: HandedJobLife) -> Self {
        let HandedJobLife { phase, through, seen, queued } = handed;
        Self { job, phase, through, seen, queued, stopping: false, effects: Vec::new() }
    }

    /// What was asked under an earlier version of mainstay, whose answer is lost with it.
    pub(in crate::schedule) fn unanswered(&self) -> Option<Effect> {
        match self.phase {
            Phase::Asking { .. } => Some(Effect::AskNeeds),
            Phase::Locking { .. } => Some(Effect::TakeLock),
            _ => None,
        }
    }
}
