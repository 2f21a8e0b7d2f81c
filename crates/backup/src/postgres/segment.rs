//! The piece of shared memory by which a PostgreSQL server knows that it is alone in its directory. One that was killed leaves it
//! behind, and when the machine has no more of them, no server starts any more.

use host::{fs, shared_memory::Segment};
use std::{path::Path, time::Duration};
use tokio::time::Instant;

/// The file a postmaster writes about itself, and where in it the segment stands: `KEY ID` (PostgreSQL, `utils/pidfile.h`).
const PID_FILE: &str = "postmaster.pid";
const LINE: usize = 6;
const MAX_BYTES: u64 = 64 * 1024;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the server in `data` has given its segment back, at most `limit`; at once when there is no server. Blocks.
#[expect(clippy::disallowed_methods, reason = "whoever drops a server cannot await")]
pub(super) fn wait_until_given_back(data: &Path, limit: Duration) {
    let begun = Instant::now();
    while segment(data).is_some_and(|segment| segment.attached().is_some()) && begun.elapsed() < limit {
        std::thread::sleep(PAUSE);
    }
}

/// Gives back what a killed server in `data` has left.
pub(crate) fn give_back(data: &Path) {
    if let Some(segment) = segment(data) {
        segment.remove_unused();
    }
}

/// Of the server that has written its file last.
fn segment(data: &Path) -> Option<Segment> {
    let text = fs::read_to_string(&data.join(PID_FILE), MAX_BYTES).ok()?;
    let mut words = text.lines().nth(LINE)?.split_whitespace();
    // The key is written without its sign, and the table of the kernel shows it with one.
    let key = words.next()?.parse::<u64>().ok()?;
    Some(Segment { key: i64::from(key as i32), id: words.next()?.parse().ok()? })
}
