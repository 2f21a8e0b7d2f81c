//! The restarts of the last while, which a budget limits.

use config::Budget;
use host::handover::moment;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tokio::time::Instant;

/// The restarts that count against the budget, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally(VecDeque<Restarted>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Restarted(#[serde(with = "moment")] Instant);

impl Tally {
    /// How long ago each was, as far as that matters.
    #[cfg(test)]
    pub(super) fn ages(&self, now: Instant, within: std::time::Duration) -> Vec<std::time::Duration> {
        self.0.iter().map(|restarted| now.saturating_duration_since(restarted.0).min(within)).collect()
    }

    /// Counts one more, if the budget has room for it.
    pub(super) fn has_room(&mut self, budget: Budget, now: Instant) -> bool {
        while self.0.pop_front_if(|restarted| now.saturating_duration_since(restarted.0) >= budget.within).is_some() {}
        let room = self.0.len() < budget.times as usize;
        if room {
            self.0.push_back(Restarted(now));
        }
        room
    }
}
