//! How the readiness and health of a service are told.

use crate::{LogLine, Target};
use std::{fmt, time::Duration};

/// How the readiness and health of a service are told.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// How it is told.
    pub sign: Sign,
    /// Time between checks once it is ready. While it starts, it is asked more often.
    pub every: Duration,
    /// One check takes no longer.
    pub timeout: Duration,
    /// So many failures until it is called unhealthy and restarted.
    pub fail: Window,
    /// So many passes until it is called healthy again.
    pub pass: Window,
    /// How long it may take to become ready.
    pub start_timeout: Duration,
}

/// By what the readiness and health of a service are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// It is asked, again and again.
    Target(Target),
    /// It writes this line once it is ready. What becomes of it later is not told.
    Line(LogLine),
    /// It tells by itself (sd_notify(3)).
    Notify {
        /// And tells that it is well at least so often, or it is called unhealthy and restarted.
        watchdog: Option<Duration>,
    },
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sign::Target(target) => target.fmt(f),
            Sign::Line(line) => write!(f, "a line with `{line}`"),
            Sign::Notify { .. } => f.write_str("READY=1"),
        }
    }
}

/// So many of the last checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From 1.
    pub count: u32,
    /// At least [`Window::count`].
    pub of: u32,
}
