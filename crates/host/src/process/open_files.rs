//! How many files may be open: each service takes a few of ours, and hundreds of services more than the usual limit of 1024. Services
//! themselves get the limit that we were given, for some trust in it (select(2)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{os::fd::RawFd, sync::OnceLock};

/// Our limit, which grows when it is needed.
#[derive(Default)]
pub(super) struct OpenFiles {
    /// What it was before it grew.
    before: OnceLock<Rlimit>,
}

impl OpenFiles {
    /// `newest` was opened just now: numbers are given from below, so it tells how many there are. When half of the limit is used, it is
    /// raised as far as we may; where that is not far, more cannot be opened, and that is told by whoever tries.
    pub(super) fn make_room(&self, newest: RawFd) {
        let limit = getrlimit(Resource::Nofile);
        let half = limit.current.map_or(u64::MAX, |limit| limit / 2);
        if u64::try_from(newest).is_ok_and(|newest| newest < half) || limit.current == limit.maximum {
            return;
        }
        if setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok() {
            let _ = self.before.set(limit);
        }
    }

    /// It grew from here under an earlier version of this process.
    pub(super) fn grew_from(&self, before: Rlimit) {
        let _ = self.before.set(before);
    }

    /// What services are to have, where that is not what we have.
    pub(super) fn of_services(&self) -> Option<Rlimit> {
        self.before.get().copied()
    }
}
