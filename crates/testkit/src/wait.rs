//! Waiting for a condition, never for luck.
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Waits until `condition` holds; panics with `what` when `limit` passes first.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(limit, what, || condition().then_some(()));
}

/// Waits until `attempt` gives a value and returns it; panics with `what` when `limit` passes first.
#[track_caller]
pub fn wait_for<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain: {what}");
        sleep(Duration::from_millis(2));
    }
}
