//! Figures by the hour, as people read them.

use super::running::table;
use control::span;
use jiff::Timestamp;
use journal::{Figure, Hour, Span};
use report::{bytes, seconds};

/// Dependencies as one table, what was measured of machine and services as another.
pub(crate) fn hours(hours: &[Hour], by: Span) -> String {
    let when = if by == Span::Minute { "MINUTE" } else { "HOUR" };
    let checks: Vec<_> = hours.iter().filter(|hour| is_checked(hour)).map(checked).collect();
    let measured: Vec<_> = hours.iter().flat_map(measures).collect();
    let tables = [
        (&[when, "DEPENDENCY", "AVAILABLE", "CHECKS", "FAILED", "ANSWER", "SLOWEST"][..], checks),
        (&[when, "MEASURED", "LEAST", "MEAN", "MOST"], measured),
    ];
    let shown = tables.into_iter().filter(|(_, rows)| !rows.is_empty()).map(|(head, rows)| {
        let head: Vec<_> = head.iter().map(|word| (*word).to_owned()).collect();
        table(&[vec![head], rows].concat())
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "nothing is known of this time\n".to_owned() } else { shown.join("\n") }
}

/// The share of the hour in which it was available, as far as it was watched: by time where that is known, else by its checks.
pub(crate) fn availability(hour: &Hour) -> Option<f64> {
    let sum = |name: &str| hour.figures.get(name).map_or(0.0, |it| it.sum);
    let count = |name: &str| hour.figures.get(name).map_or(0.0, |it| it.count as f64);
    let (up, down) = (sum("time.up"), sum("time.down"));
    let (up, down) = if up + down > 0.0 { (up, down) } else { (count("check.pass"), count("check.fail")) };
    (up + down > 0.0).then(|| up / (up + down))
}

fn is_checked(hour: &Hour) -> bool {
    hour.figures.keys().any(|name| name.starts_with("check."))
}

fn checked(hour: &Hour) -> Vec<String> {
    let count = |name: &str| hour.figures.get(name).map_or(0, |it| it.count);
    let passed = hour.figures.get("check.pass");
    let failed = count("check.fail");
    let told = |time: f64| seconds(span(time));
    let answer = |time: fn(&Figure) -> f64| passed.map_or("-".to_owned(), |it| answer(time(it), told));
    vec![
        stamp(hour.at),
        hour.subject.clone(),
        availability(hour).map_or("-".to_owned(), percent),
        (count("check.pass") + failed + count("check.unknown")).to_string(),
        failed.to_string(),
        answer(Figure::mean),
        answer(|it| it.max),
    ]
}

/// Answers are mostly shorter than a millisecond.
fn answer(took: f64, longer: impl Fn(f64) -> String) -> String {
    if took < 0.01 { format!("{:.1} ms", took * 1e3) } else { longer(took) }
}

/// Nothing that is not wholly available is called 100 %.
fn percent(share: f64) -> String {
    let percent = (share * 1e4).floor() / 100.0;
    if share >= 1.0 { "100 %".to_owned() } else { format!("{percent:.2} %") }
}

fn measures(hour: &Hour) -> Vec<Vec<String>> {
    let words = [
        ("available_bytes", "memory available"),
        ("own_bytes", "memory of mainstay itself"),
        ("free_bytes", "disk free"),
        ("memory_bytes", "memory"),
    ];
    let row = |(name, words): (&str, &str)| {
        let it = hour.figures.get(name)?;
        let what = if hour.subject.is_empty() { words.to_owned() } else { format!("{words}, {}", hour.subject) };
        let size = |value: f64| bytes(value.max(0.0) as u64);
        Some(vec![stamp(hour.at), what, size(it.min), size(it.mean()), size(it.max)])
    };
    words.into_iter().filter_map(row).collect()
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%F %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(subject: &str, figures: &[(&str, u64, f64, f64, f64)]) -> Hour {
        let figure = |(name, count, min, max, sum): &(&str, u64, f64, f64, f64)| {
            ((*name).to_owned(), Figure { count: *count, min: *min, max: *max, sum: *sum })
        };
        Hour {
            at: "2026-11-29T10:00:00Z".parse().unwrap(),
            subject: subject.to_owned(),
            figures: figures.iter().map(figure).collect(),
        }
    }

    /// S1.3, S1.18: availability and answering times of databases by the hour, and what the machine had left.
    #[test]
    fn an_hour_is_a_row() {
        let gib = f64::from(1 << 30);
        let all = [
            hour("", &[("available_bytes", 2, gib, 3.0 * gib, 4.0 * gib)]),
            hour("data", &[("free_bytes", 1, gib, gib, gib)]),
            hour(
                "main",
                &[
                    ("check.pass", 58, 0.0005, 0.031, 0.058),
                    ("check.fail", 40, 0.1, 0.1, 4.0),
                    ("time.up", 58, 0.0, 0.0, 3539.9),
                    ("time.down", 40, 0.0, 0.0, 0.1),
                ],
            ),
        ];
        assert_eq!(
            hours(&all, Span::Hour),
            "HOUR              DEPENDENCY  AVAILABLE  CHECKS  FAILED  ANSWER  SLOWEST\n\
             2026-11-29 10:00  main        99.99 %    98      40      1.0 ms  31 ms\n\
             \n\
             HOUR              MEASURED          LEAST    MEAN     MOST\n\
             2026-11-29 10:00  memory available  1.0 GiB  2.0 GiB  3.0 GiB\n\
             2026-11-29 10:00  disk free, data   1.0 GiB  1.0 GiB  1.0 GiB\n"
        );
        assert_eq!(hours(&[], Span::Hour), "nothing is known of this time\n");
        assert_eq!(availability(&hour("main", &[("check.pass", 1, 0.0, 0.0, 0.0)])), Some(1.0));
        assert_eq!(availability(&hour("main", &[("check.unknown", 1, 0.0, 0.0, 0.0)])), None);
    }
}
