//! Places at which a test may end or stop this process: see [`host::failpoint`].

use crate::job::Job;

/// This place has been reached.
pub(crate) fn reach(job: &Job<'_>, name: &str) {
    host::failpoint::reach(job.env, name);
}
