//! Refusals of what is not a database.

use database::{Patience, Refusal, ServerState};

/// Not ready yet, in these words.
pub(crate) fn not_yet(state: ServerState, message: impl Into<String>) -> Refusal {
    Refusal { state, patience: Patience::Deadline, code: None, message: message.into(), detail: None, hint: None }
}

/// Never by waiting, in these words, and what to do.
pub(crate) fn never(state: ServerState, message: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal { patience: Patience::None, hint: Some(hint.into()), ..not_yet(state, message) }
}
