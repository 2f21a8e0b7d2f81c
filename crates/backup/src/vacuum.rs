//! Giving back what an SQLite database does not need any more, and looking at it anew for its planner.

use crate::{
    BackupError, Job,
    shelf::Shelf,
    sqlite::{self, Swept},
    take::look,
};
use config::Target;
use report::{Event, bytes, seconds};
use tokio::time::Instant;

/// VACUUM, where that is worth it, and ANALYZE, while nobody copies or restores the database; nothing for what is no SQLite.
///
/// # Errors
/// A copy or a restore of it is at work, there is no room for VACUUM, or SQLite refuses.
pub async fn vacuum(job: &Job<'_>) -> Result<Option<Swept>, BackupError> {
    let Target::Sqlite(path) = job.target else { return Ok(None) };
    let begun = Instant::now();
    let source = look(job).await?;
    let _shelf = Shelf::open(job.to, job.app, &source.id)?;
    let swept = sqlite::vacuum(path).await?;
    let (name, took) = (&source.name, begun.elapsed());
    let text = match swept.rewritten {
        true => {
            format!("vacuum: `{name}` had {}, has {}, in {}", bytes(swept.before), bytes(swept.after), seconds(took))
        }
        false => format!(
            "vacuum: `{name}` was analyzed, in {}; {} of {} are free, which is not worth a rewrite",
            seconds(took),
            bytes(swept.free),
            bytes(swept.before)
        ),
    };
    let event = Event::new("vacuum.done", text).with("database", name.clone());
    job.journal.note(event.with("before", swept.before).with("after", swept.after).with("took", took));
    Ok(Some(swept))
}
