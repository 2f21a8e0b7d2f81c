//! A refusal in the course of time.

use database::{Patience, Refusal, ServerState};
use std::time::Duration;

/// After this long, waiting alone is a strange thing to go on with.
const LONG: Duration = Duration::from_secs(60);

/// The last refusal, and since when the server has refused like that.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    /// When the first refusal of this kind came.
    since: Duration,
    /// Attempts in a row that were refused like that.
    times: u32,
}

/// Does refusing in this state leave a line in PostgreSQL's log? A port nobody listens on logs nothing, and a replica
/// logs no successful connection unless it was told to.
pub(super) fn leaves_a_line(state: ServerState) -> bool {
    use ServerState::{Denied, Full, Recovering, Starting};
    matches!(state, Starting | Recovering | Full | Denied)
}

/// May this state end any moment by itself, and is an answer quick? A timeout is not.
pub(super) fn worth_looking(state: ServerState) -> bool {
    use ServerState::{Down, ReadOnly, Recovering, Starting};
    matches!(state, Down | Starting | Recovering | ReadOnly)
}

/// The refusal of a server that may be the temporary one of an init script.
pub(super) fn maybe_temporary(age: Duration) -> Refusal {
    Refusal {
        state: ServerState::Starting,
        patience: Patience::Deadline,
        code: None,
        message: "it answers on its unix socket only, as the temporary server of a first start does".to_owned(),
        detail: Some(format!("{} old, trusted after {} s", report::seconds(age), super::TRUSTED_AGE.as_secs())),
        hint: None,
    }
}

impl Refused {
    /// What is known after `refusal`, which came after `known`.
    pub(super) fn after(known: Option<Self>, refusal: Refusal, quiet: bool, now: Duration) -> Self {
        match known.filter(|known| known.is_like(&refusal)) {
            Some(known) => Self { refusal, since: known.since, times: known.times + u32::from(!quiet) },
            None => Self { refusal, since: now, times: 1 },
        }
    }

    /// Is it the same as before, as far as patience is concerned?
    pub(super) fn is_like(&self, other: &Refusal) -> bool {
        let kind = |it: &Refusal| (it.state, it.code.clone(), it.patience);
        kind(&self.refusal) == kind(other)
    }

    /// A Redis that loads says so in its detail: new words are progress.
    pub(super) fn loaded_more(&self, other: &Refusal) -> bool {
        self.is_like(other)
            && other.state == ServerState::Recovering
            && other.detail.is_some()
            && self.refusal.detail != other.detail
    }

    /// Waiting cannot mend it, or has not.
    pub(super) fn is_hopeless(&self, now: Duration) -> bool {
        match self.refusal.patience {
            Patience::Deadline => false,
            Patience::Grace(grace) => now >= self.since + grace,
            Patience::Tries(tries) => self.times >= tries,
            Patience::None => true,
        }
    }

    /// When its grace ends.
    pub(super) fn grace_ends(&self) -> Option<Duration> {
        match self.refusal.patience {
            Patience::Grace(grace) => Some(self.since + grace),
            _ => None,
        }
    }

    /// The refusal as a line of waiting tells it. A hint is only in the way while things take their usual course.
    pub(super) fn told(&self, now: Duration) -> Refusal {
        let usual = self.refusal.patience == Patience::Deadline && now.saturating_sub(self.since) < LONG;
        if usual { Refusal { hint: None, ..self.refusal.clone() } } else { self.kept() }
    }

    /// The refusal with all that is known.
    pub(super) fn kept(&self) -> Refusal {
        let hint = self.refusal.hint.clone().or_else(|| late_hint(&self.refusal).map(str::to_owned));
        Refusal { hint, ..self.refusal.clone() }
    }
}

fn late_hint(refusal: &Refusal) -> Option<&'static str> {
    let detail = refusal.detail.as_deref().unwrap_or_default();
    match refusal.state {
        ServerState::ReadOnly => {
            Some("is this the primary? promote it, name the primary, or set `access = \"read-only\"`")
        }
        // The text is localised, so it may decide about a hint and nothing else.
        ServerState::Starting | ServerState::Recovering if detail.contains("Hot standby mode is disabled") => {
            Some("a standby with `hot_standby = off` stays like this for ever; is it a standby, or is its disk full?")
        }
        _ => None,
    }
}
