//! What the parts of a release have written that is bad.

use super::runner::Runner;
use crate::release::work::Work;
use ::logs::level_of;
use jiff::Timestamp;
use report::Level;

/// Their lines of level error since `since`; nothing where what they write cannot be read.
pub(in crate::release) async fn errors(work: &Work<'_>, since: Timestamp) -> Option<Vec<String>> {
    let runner = Runner::of(work, work.deploy()).await.ok()??;
    let lines = runner.lines(&work.started, since).await?;
    let bad = lines.into_iter().filter(|(_, line)| level_of(line.as_bytes()) == Some(Level::Error));
    Some(bad.map(|(name, line)| format!("{name}: {}", line.trim_end())).collect())
}
