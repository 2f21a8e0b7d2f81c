//! Places at which a test may end or stop this process, to see that the next run converges. In builds for people they are empty.

use crate::{
    Env,
    process::{Fatal, signal_self},
};
use std::sync::atomic::{AtomicU32, Ordering};

/// `MAINSTAY_FAILPOINT=kill:NAME` in `env` ends the process at the place NAME as the kernel would, `stop:NAME` stops it until it
/// is told to go on; `kill:NAME:2` when it comes there the second time.
pub fn reach(env: &Env, name: &str) {
    if cfg!(debug_assertions) {
        act(env, name);
    }
}

fn act(env: &Env, name: &str) {
    let Some(point) = env.get("MAINSTAY_FAILPOINT").and_then(|text| Point::of(text)) else { return };
    if point.name == name && TIMES.fetch_add(1, Ordering::Relaxed) + 1 == point.time {
        signal_self(point.how);
    }
}

/// How often this process has come to the place that was named.
static TIMES: AtomicU32 = AtomicU32::new(0);

struct Point<'a> {
    how: Fatal,
    name: &'a str,
    /// Counted from 1.
    time: u32,
}

impl<'a> Point<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (action, rest) = text.split_once(':')?;
        let how = match action {
            "kill" => Fatal::Kill,
            "stop" => Fatal::Stop,
            _ => return None,
        };
        let (name, time) = rest.split_once(':').unwrap_or((rest, "1"));
        Some(Self { how, name, time: time.parse().ok()? })
    }
}
