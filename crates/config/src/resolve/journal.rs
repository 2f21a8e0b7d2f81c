//! How long what happens is remembered.

use crate::{Journal, file::Table};

/// A smaller file would hold no day.
const SMALLEST: (u64, &str) = (4 << 20, "4MB");

/// The section `[journal]`. A container that is given no file remembers nothing unless it is told to.
pub(super) fn read(root: &Table<'_>) -> Journal {
    let table = root.table("journal");
    let setting = |name| table.setting(name);
    let usual = Journal::default();
    let enabled = match setting("enabled").given() {
        Some(_) => setting("enabled").bool().unwrap_or(true),
        None => root.context.sources.file.is_some(),
    };
    let said = setting("keep").pause();
    let keep = said.unwrap_or(usual.keep);
    let hourly = setting("hourly").pause().unwrap_or(usual.hourly);
    if hourly < keep
        && let Some(written) = setting("hourly").given().or_else(|| setting("keep").given())
    {
        let hint = "what is kept by the hour cannot go before the single events that it sums up";
        setting("hourly").refuse(&written, "`hourly` is shorter than `keep`", hint);
    }
    Journal { enabled, keep, hourly, max_size: setting("max_size").size(SMALLEST).unwrap_or(usual.max_size) }
}
