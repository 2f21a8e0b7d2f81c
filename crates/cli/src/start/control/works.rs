//! What is at work for somebody who waits for its answer.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is at work for somebody who waits for its answer.
#[derive(Default)]
pub(super) struct Works(Mutex<Vec<Weak<str>>>);

/// At work until dropped.
pub(super) struct AtWork(#[expect(dead_code, reason = "its end is the message")] Arc<str>);

impl Works {
    /// `what` is at work from now on, in words that follow "waits:".
    pub(super) fn begin(&self, what: &str) -> AtWork {
        let what = Arc::from(what);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|work| work.strong_count() > 0);
        all.push(Arc::downgrade(&what));
        AtWork(what)
    }

    /// What has been at work the longest, if anything is.
    pub(super) fn first(&self) -> Option<Arc<str>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find_map(Weak::upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 4, item 2: what has ended stands in nobody's way.
    #[test]
    fn the_oldest_of_those_at_work_is_told() {
        let works = Works::default();
        let (one, two) = (works.begin("one"), works.begin("two"));
        assert_eq!(works.first().as_deref(), Some("one"));
        drop(one);
        assert_eq!(works.first().as_deref(), Some("two"));
        drop(two);
        assert_eq!(works.first(), None);
    }
}
