//! Where the log ends that a server replays after a crash.

use database::postgres::local::Segment;
use std::{cmp::Reverse, path::Path};

/// The last segment behind `at` that was written, if the server's log at `pg_wal` may be read.
///
/// The greatest name is not it: PostgreSQL keeps old segments under future names, to write over later ("recycled").
/// Those keep their old times, so the last one written is the one changed last.
pub(super) fn find(pg_wal: &Path, at: Segment) -> Option<Segment> {
    let files = host::fs::list(pg_wal).ok()?;
    let segments = files.iter().filter_map(|file| {
        let segment = Segment::parse(file.file_name()?.to_str()?)?;
        (segment.timeline >= at.timeline && segment >= at).then_some((file, segment))
    });
    let dated = segments.filter_map(|(file, segment)| Some((host::fs::metadata(file).ok()?.modified?, segment)));
    let last = dated.max_by_key(|(changed, segment)| (*changed, Reverse(*segment)))?;
    Some(last.1)
}
