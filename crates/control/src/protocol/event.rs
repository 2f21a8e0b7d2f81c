//! What happened.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Events {
    /// In their order.
    pub events: Vec<Event>,
    /// The number of the last one so far: ask for those after it next.
    pub last: u64,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Its number within its start, counted from 1.
    pub number: u64,
    /// The start of mainstay that it belongs to, where that is known: by the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// When: RFC 3339, UTC.
    pub time: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// Its stable name.
    pub event: String,
    /// The sentence.
    pub text: String,
    /// The fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// Which events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Only those with a greater number.
    pub after: u64,
    /// The last so many of them.
    pub count: usize,
    /// When there are none, wait for one so long, in seconds.
    pub wait_s: u64,
}
