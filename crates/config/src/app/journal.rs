//! What is meant by `[journal]`.

use std::time::Duration;

/// How long what happens is remembered, and in how much room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Is it remembered at all?
    pub enabled: bool,
    /// Single events, and figures by the minute, are kept so long.
    pub keep: Duration,
    /// Counts and figures by the hour are kept so long.
    pub hourly: Duration,
    /// The file takes no more, in bytes.
    pub max_size: u64,
}

impl Default for Journal {
    /// Off; everything else as it is when nothing is said.
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self { enabled: false, keep: day * 7, hourly: day * 90, max_size: 100 << 20 }
    }
}
