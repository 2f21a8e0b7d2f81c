//! How long each step of a start took.

use report::{Verdict, seconds};
use serde::Serialize;
use std::{fmt, time::Duration};

/// The steps of a start with their times. Prints as a table with a bar for each step.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// In the order in which they began.
    pub entries: Vec<Entry>,
}

/// One step that was performed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The step's name.
    pub step: &'static str,
    /// Time from the start of the plan.
    #[serde(serialize_with = "in_seconds", rename = "began_s")]
    pub began: Duration,
    /// How long it took.
    #[serde(serialize_with = "in_seconds", rename = "took_s")]
    pub took: Duration,
    /// How it ended.
    pub verdict: Verdict,
}

fn in_seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((span.as_secs_f64() * 1e6).round() / 1e6)
}

/// Width of the bars, in characters.
pub const BAR: usize = 24;

impl Timeline {
    /// From the start of the plan to the end of its last step.
    pub fn total(&self) -> Duration {
        self.entries.iter().map(|entry| entry.began + entry.took).max().unwrap_or_default()
    }

    /// One line for each step, the last one the total.
    pub fn lines(&self) -> Vec<String> {
        let total = self.total();
        let line = |entry: &Entry| {
            let took = seconds(entry.took);
            format!("{:<8} {:>8}  {:<BAR$}  {}", entry.step, took, bar(entry.began, entry.took, total), entry.verdict)
        };
        let sum = format!("{:<8} {:>8}", "total", seconds(total));
        self.entries.iter().map(line).map(|line| line.trim_end().to_owned()).chain([sum]).collect()
    }
}

/// A part of the whole, at its place; as wide as all bars are when it ends with the whole.
pub fn bar(began: Duration, took: Duration, total: Duration) -> String {
    let scale = |span: Duration| (span.as_secs_f64() / total.as_secs_f64().max(1e-9) * BAR as f64).round() as usize;
    let start = scale(began).min(BAR - 1);
    let width = scale(took).clamp(1, BAR - start);
    format!("{}{}", " ".repeat(start), "█".repeat(width))
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S3.9: the timeline of a start.
    #[test]
    fn a_start_as_a_table() {
        let entry = |step, began, took, verdict| Entry {
            step,
            began: Duration::from_millis(began),
            took: Duration::from_millis(took),
            verdict,
        };
        let timeline = Timeline {
            entries: vec![
                entry("gate", 0, 6000, Verdict::Pass),
                entry("migrate", 6000, 1500, Verdict::Fail),
                entry("start", 7500, 500, Verdict::Pass),
            ],
        };
        assert_eq!(
            timeline.to_string(),
            "gate        6.0 s  ██████████████████        pass\n\
             migrate     1.5 s                    █████   fail\n\
             start      500 ms                         █  pass\n\
             total       8.0 s\n"
        );
    }
}
