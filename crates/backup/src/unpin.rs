//! What was kept for somebody who is gone need not be kept any more.

use crate::{BackupError, Copy, Remote, shelf, shelf::Shelf};
use std::path::Path;

/// Copies whose pin `is_void` are pinned no more, below `to` and in all of `remotes`; answers with how many those are. From then on
/// they go as all others do.
///
/// # Errors
/// Somebody else is at work on the copies, or one cannot be written to. Those before it are done, and the next try does the rest.
pub async fn unpin(
    to: &Path,
    app: &str,
    remotes: &[Remote],
    is_void: impl Fn(&str) -> bool,
) -> Result<usize, BackupError> {
    let without = |copy: &Copy| {
        let mut manifest = copy.known()?.clone();
        let pin = manifest.pin.take()?;
        is_void(&pin).then_some(manifest)
    };
    let mut unpinned = 0;
    for copy in shelf::copies(to, app)? {
        if without(&copy).is_none() {
            continue;
        }
        let _shelf = Shelf::of(&copy)?;
        // Before the lock was ours somebody may have written something else into it, or removed it.
        if let Some(manifest) = Copy::at(&copy.path).as_ref().and_then(without) {
            let written = manifest.write(&copy.path);
            written
                .map_err(|error| BackupError::files("that a copy is pinned no more cannot be written down", error))?;
            unpinned += 1;
        }
    }
    for remote in remotes {
        for manifest in remote.copies(app).await?.iter().filter_map(without) {
            remote.note(app, &manifest).await?;
            unpinned += 1;
        }
    }
    Ok(unpinned)
}
