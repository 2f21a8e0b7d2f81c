//! Where a number was measured.
use serde_json::{Value, json};

/// One line for a person.
pub(super) fn line() -> String {
    let (load, cores) = (load(), cores());
    format!("Linux {}, {cores} cores, load {load:.1}", kernel())
}

/// The same for a program.
pub(super) fn json() -> Value {
    json!({ "kernel": kernel(), "cores": cores(), "load": load() })
}

/// Runnable processes on average over the last minute: above the number of cores, every number here is too high.
fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, std::num::NonZero::get)
}

fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}
