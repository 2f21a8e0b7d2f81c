//! Places at which a test may end or stop this process, to see that the next run converges. In builds for people they are empty.

use crate::job::Job;

/// `MAINSTAY_FAILPOINT=kill:NAME` ends the process at the place NAME as the kernel would, `stop:NAME` stops it until it is told
/// to go on.
pub(crate) fn reach(job: &Job<'_>, name: &str) {
    if cfg!(debug_assertions) {
        act(job, name);
    }
}

fn act(job: &Job<'_>, name: &str) {
    let Some((action, wanted)) = job.env.get("MAINSTAY_FAILPOINT").and_then(|point| point.split_once(':')) else {
        return;
    };
    if wanted == name {
        host::process::signal_self(if action == "kill" {
            host::process::Fatal::Kill
        } else {
            host::process::Fatal::Stop
        });
    }
}
