//! Which releases go.

use super::{Release, list};
use crate::{Record, ReleaseId, Site, State};
use host::fs;
use std::io;

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// All of it.
    pub whole: Vec<ReleaseId>,
    /// Its files alone: what is known of it stays, so that people can see why it failed.
    pub trees: Vec<ReleaseId>,
}

/// Which releases go when `keep` of those that can be started again are kept, the newest ones. Never those in `needed`, never the one
/// before the current one, never one that is not understood. `releases` are all of them, the oldest first.
pub fn going(releases: &[Release], current: Option<ReleaseId>, keep: u32, needed: &[ReleaseId]) -> Going {
    let known: Vec<&Record> = releases.iter().filter_map(|release| release.record.as_ref().ok()).collect();
    let can_run: Vec<ReleaseId> = known.iter().filter(|it| it.state.can_run()).map(|it| it.id).collect();
    let before = can_run.iter().rev().find(|id| current.is_some_and(|current| **id < current));
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let newest = &can_run[can_run.len().saturating_sub(keep)..];
    let stays =
        |id: &ReleaseId| needed.contains(id) || current == Some(*id) || before == Some(id) || newest.contains(id);
    let oldest = can_run.iter().copied().find(stays);
    let mut going = Going::default();
    for record in known.iter().filter(|it| !stays(&it.id)) {
        match record.state {
            State::Failed | State::RolledBack | State::Abandoned if oldest.is_none_or(|oldest| record.id > oldest) => {
                going.trees.push(record.id);
            }
            // Whoever makes it is at work, or else will be found to be gone.
            State::Preparing => {}
            _ => going.whole.push(record.id),
        }
    }
    going
}

/// Removes them; answers with the bytes that they took.
///
/// # Errors
/// Those of the file system, with the path.
pub fn remove(site: &Site, going: &Going) -> io::Result<u64> {
    let mut freed = 0;
    for path in going.whole.iter().map(|id| site.release(*id)).chain(going.trees.iter().map(|id| site.tree(*id))) {
        if path.exists() {
            freed += fs::bytes_below(&path);
            fs::swept(&path)?;
        }
    }
    Ok(freed)
}

/// Both: removes what need not be kept, and answers with what that was and the bytes that it took.
///
/// # Errors
/// Those of the file system, with the path.
pub fn prune(site: &Site, keep: u32, needed: &[ReleaseId]) -> io::Result<(Going, u64)> {
    let going = going(&list(site)?, super::current(site)?, keep, needed);
    remove(site, &going).map(|freed| (going, freed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn id(number: i64) -> ReleaseId {
        let text = ReleaseId::new(Timestamp::from_millisecond(number).unwrap()).to_string();
        format!("{}0000000000000000", &text[..10]).parse().unwrap()
    }

    fn releases(states: &[State]) -> Vec<Release> {
        let release = |(state, number): (&State, i64)| {
            let record = Record { state: *state, ..Record::new(id(number), "main", "ada", "mainstay.toml") };
            Release { id: id(number), record: Ok(record) }
        };
        states.iter().zip(1..).map(release).collect()
    }

    fn ids(numbers: &[i64]) -> Vec<ReleaseId> {
        numbers.iter().map(|number| id(*number)).collect()
    }

    /// Issue 6, point 3: the newest stay; of those that failed what is known of them, as long as older ones are there.
    #[test]
    fn the_newest_stay() {
        use State::{Abandoned, Confirmed, Failed, Preparing, RolledBack, Superseded};
        let all = releases(&[Superseded, Failed, Superseded, RolledBack, Superseded, Abandoned, Confirmed, Preparing]);
        let two = going(&all, Some(id(7)), 2, &[]);
        assert_eq!(two, Going { whole: ids(&[1, 2, 3, 4]), trees: ids(&[6]) });
        let many = going(&all, Some(id(7)), 10, &[]);
        assert_eq!(many, Going { whole: Vec::new(), trees: ids(&[2, 4, 6]) });
    }

    /// S2.17: the one before the current one is what a rollback goes to, and what somebody needs stays.
    #[test]
    fn what_is_needed_stays() {
        use State::{Confirmed, Superseded};
        let all = releases(&[Superseded, Superseded, Confirmed, Superseded, Superseded]);
        let one = going(&all, Some(id(3)), 1, &[id(4)]);
        assert_eq!(one.whole, ids(&[1]));
        let mut strange = releases(&[Superseded, Confirmed]);
        strange[0].record = Err(crate::Unreadable::Version(9));
        assert_eq!(going(&strange, Some(id(2)), 1, &[]), Going::default());
    }
}
