//! Which of the files that were put aside go.

use config::Logs;
use jiff::Timestamp;
use std::{collections::BTreeMap, time::Duration};

/// A file that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Whose lines it holds.
    pub service: String,
    /// When.
    pub at: Timestamp,
    /// What it takes, in bytes.
    pub bytes: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many of each service.
    pub keep: usize,
    /// Not those that are older.
    pub max_age: Duration,
    /// In bytes, together with the files that are written to.
    pub total: u64,
}

impl From<&Logs> for Rules {
    fn from(logs: &Logs) -> Self {
        Self { keep: logs.keep as usize, max_age: logs.max_age, total: logs.total }
    }
}

/// Those that go, as places in `aside`: more than `keep` of a service, older than `max_age`, and of the rest the oldest of all until
/// they fit into `total` beside the `current` bytes.
pub fn doomed(aside: &[Aside], current: u64, rules: &Rules, now: Timestamp) -> Vec<usize> {
    let mut newest_first: Vec<_> = (0..aside.len()).collect();
    newest_first.sort_by_key(|place| std::cmp::Reverse((aside[*place].at, *place)));
    let (mut kept_of, mut used) = (BTreeMap::new(), current);
    let mut full = false;
    let mut goes = |place: &usize| {
        let file = &aside[*place];
        let kept = kept_of.entry(file.service.as_str()).or_insert(0usize);
        let age = now.duration_since(file.at);
        if *kept >= rules.keep || Duration::try_from(age).is_ok_and(|age| age > rules.max_age) {
            return true;
        }
        // Nothing older is kept than what had to go for want of room: no holes.
        full |= used.saturating_add(file.bytes) > rules.total;
        if !full {
            *kept += 1;
            used += file.bytes;
        }
        full
    };
    newest_first.into_iter().filter(|place| goes(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(service: &str, second: i64, bytes: u64) -> Aside {
        Aside { service: service.to_owned(), at: Timestamp::from_second(second).unwrap(), bytes }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// S2.11: count, age and total, each by itself.
    #[test]
    fn the_oldest_go() {
        let files = [file("a", 1, 10), file("b", 2, 10), file("a", 3, 10), file("a", 4, 10)];
        let rules = Rules { keep: 9, max_age: Duration::from_secs(1000), total: 1000 };
        let goes = |rules: Rules, now| {
            let mut goes = doomed(&files, 5, &rules, at(now));
            goes.sort_unstable();
            goes
        };
        assert_eq!(goes(rules, 4), [0usize; 0]);
        assert_eq!(goes(Rules { keep: 2, ..rules }, 4), [0]);
        assert_eq!(goes(Rules { max_age: Duration::from_secs(2), ..rules }, 5), [0, 1]);
        assert_eq!(goes(Rules { total: 35, ..rules }, 4), [0]);
        assert_eq!(goes(Rules { total: 24, ..rules }, 4), [0, 1, 2]);
        assert_eq!(goes(Rules { total: 1, ..rules }, 4), [0, 1, 2, 3]);
    }

    proptest! {
        /// What is left obeys every rule, and of each service it is the newest.
        #[test]
        fn what_is_left_obeys(
            seconds in proptest::collection::vec((0i64..100, 0u64..50, 0usize..3), 0..30),
            keep in 1usize..6, age in 1u64..200, total in 0u64..600, current in 0u64..100,
        ) {
            let files: Vec<_> = seconds.iter().map(|(at, bytes, service)| file(["a", "b", "c"][*service], *at, *bytes)).collect();
            let rules = Rules { keep, max_age: Duration::from_secs(age), total };
            let gone = doomed(&files, current, &rules, at(100));
            let left: Vec<_> = (0..files.len()).filter(|place| !gone.contains(place)).collect();
            let bytes: u64 = left.iter().map(|place| files[*place].bytes).sum();
            prop_assert!(left.is_empty() || bytes + current <= total);
            for place in &left {
                let own = &files[*place];
                prop_assert!(at(100).duration_since(own.at).as_secs() <= i64::try_from(age).unwrap());
                prop_assert!(left.iter().filter(|other| files[**other].service == own.service).count() <= keep);
                let older_kept = gone.iter().all(|lost| files[*lost].service != own.service || files[*lost].at <= own.at);
                prop_assert!(older_kept);
            }
        }
    }
}
