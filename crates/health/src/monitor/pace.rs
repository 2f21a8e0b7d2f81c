//! How often to ask a dependency that is down.

use database::ServerState;
use retry::Backoff;
use std::time::Duration;

/// How often to ask a dependency that is down and in this state.
///
/// A refused connection leaves no trace in the server's log, so it may be asked often. Each question to a starting or
/// recovering PostgreSQL writes a FATAL line there (57P03), so those stay below one per second, and still notice within
/// about one. What only a person can mend is asked for in peace.
pub(super) fn pace(state: ServerState) -> Backoff {
    let (first, longest) = match state {
        ServerState::Down => (100, 500),
        ServerState::Unreachable => (250, 1000),
        ServerState::Starting | ServerState::Recovering => (250, 1100),
        ServerState::Full => (500, 2000),
        ServerState::ReadOnly | ServerState::Denied | ServerState::Ready | ServerState::Unknown => (500, 5000),
    };
    // Little jitter: enough that ten watchers don't ask in step, not so much that 1.1 s falls below 1 s.
    Backoff::doubling(Duration::from_millis(first), Duration::from_millis(longest)).with_jitter(0.09)
}

/// Has it moved from one pace to another? Then something happens, and the next step may follow soon.
pub(super) fn another_pace(before: ServerState, now: ServerState) -> bool {
    pace(before) != pace(now)
}
