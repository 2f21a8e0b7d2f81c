//! How long what happens is remembered.

use crate::{
    Journal,
    file::{Setting, Table},
};

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
    let keep = setting("keep").pause().unwrap_or(usual.keep);
    let hourly = setting("hourly").pause().unwrap_or(usual.hourly);
    if hourly < keep {
        too_short(&setting("keep"), &setting("hourly"));
    }
    Journal { enabled, keep, hourly, max_size: setting("max_size").size(SMALLEST).unwrap_or(usual.max_size) }
}

/// Told of the key that was written; both defaults fit.
fn too_short(keep: &Setting<'_>, hourly: &Setting<'_>) {
    let hint = "what is kept by the hour cannot go before the single events that it sums up";
    match (hourly.given(), keep.given()) {
        (Some(written), _) => hourly.refuse(&written, "it is shorter than `keep`", hint),
        (None, Some(written)) => keep.refuse(&written, "it is longer than `hourly`", hint),
        (None, None) => {}
    }
}
