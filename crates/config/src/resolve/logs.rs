//! Where the lines of the services are kept.

use crate::{
    LogFormat, Logs, WhenFull,
    file::{Setting, Table},
};
use std::path::Path;

/// Smaller files would be put aside all the time.
const SMALLEST_FILE: (u64, &str) = (4 << 10, "4KB");

/// A longest line has to fit, more than once.
const SMALLEST_BUFFER: (u64, &str) = (64 << 10, "64KB");

/// The section `[logs]`. A container that is given no file keeps nothing: its lines belong to whoever runs it.
pub(super) fn read(root: &Table<'_>, data: &Path) -> Logs {
    let table = root.table("logs");
    let setting = |name| table.setting(name);
    let asked_for = root.context.sources.file.is_some() || setting("dir").given().is_some();
    let enabled = match setting("enabled").given() {
        Some(_) => setting("enabled").bool().unwrap_or(true),
        None => asked_for,
    };
    let usual = Logs::default();
    let said = setting("max_size").size(SMALLEST_FILE);
    let max_size = said.unwrap_or(usual.max_size);
    Logs {
        enabled,
        dir: setting("dir").text().map_or_else(|| data.join("logs"), |dir| root.context.sources.root.join(dir)),
        format: if setting("format").choice() == Some("raw") { LogFormat::Raw } else { LogFormat::Json },
        max_size,
        keep: setting("keep").count().unwrap_or(usual.keep),
        max_age: setting("max_age").pause().unwrap_or(usual.max_age),
        total: total(&setting("total"), said, usual.total),
        compress: setting("compress").bool().unwrap_or(usual.compress),
        when_full: if setting("when_full").choice() == Some("drop") { WhenFull::Drop } else { WhenFull::Block },
        buffer: setting("buffer").size(SMALLEST_BUFFER).unwrap_or(usual.buffer),
        echo: setting("echo").bool().unwrap_or(usual.echo),
    }
}

/// All together cannot take less than one.
fn total(setting: &Setting<'_>, max_size: Option<u64>, usual: u64) -> u64 {
    let total = setting.size(SMALLEST_FILE).unwrap_or(usual);
    let Some(max_size) = max_size else { return total };
    if total < max_size
        && let Some(written) = setting.given()
    {
        setting.refuse(&written, "it is less than `max_size`", "all files together cannot take less than one of them");
    }
    total.max(max_size)
}
