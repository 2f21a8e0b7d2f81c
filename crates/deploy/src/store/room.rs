//! Is there room for one more release?

use super::list;
use crate::Site;
use host::fs;
use std::io;

/// Nothing is known of the first release: a small application and its build.
const FIRST: u64 = 256 << 20;
/// Logs, records and databases go on while it is made.
const BESIDE: u64 = 64 << 20;

/// Room for a release: what it will take, and what there is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What it will take: half more than the last one that was built.
    pub needed: u64,
    /// What is left; nothing where that cannot be seen.
    pub free: Option<u64>,
}

impl Room {
    /// Is there enough? Nothing where that cannot be seen.
    pub fn is_enough(self) -> Option<bool> {
        self.free.map(|free| free >= self.needed)
    }
}

/// What a release will take when the last one took so much.
pub fn needed(last: Option<u64>) -> u64 {
    last.map_or(FIRST, |last| last.saturating_add(last / 2)).saturating_add(BESIDE)
}

/// The room for one more release.
///
/// # Errors
/// Those of the file system, with the path.
pub fn room(site: &Site) -> io::Result<Room> {
    let last = list(site)?.into_iter().rev().find_map(|release| release.record.ok()?.bytes);
    let at = site.releases();
    let at = at.ancestors().find(|path| path.exists());
    Ok(Room { needed: needed(last), free: at.and_then(fs::free_bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 6, point 3: half more than the last one, and something beside.
    #[test]
    fn room_for_half_more_than_the_last_one() {
        assert_eq!(needed(Some(100 << 20)), (150 + 64) << 20);
        assert_eq!(needed(None), (256 + 64) << 20);
        assert_eq!(needed(Some(u64::MAX)), u64::MAX);
        assert_eq!(Room { needed: 2, free: Some(1) }.is_enough(), Some(false));
        assert_eq!(Room { needed: 2, free: None }.is_enough(), None);
    }
}
