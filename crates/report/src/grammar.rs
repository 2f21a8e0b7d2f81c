//! Small helpers that make sentences right.

use std::{fmt::Display, time::Duration};

/// `1 file`, `2 files`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {}", plural(noun)),
    }
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with('s') => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// `` `a`, `b` or `c` ``.
pub fn or_list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<_> = items.into_iter().map(|item| format!("`{item}`")).collect();
    match items.pop() {
        None => String::new(),
        Some(last) if items.is_empty() => last,
        Some(last) => format!("{} or {last}", items.join(", ")),
    }
}

/// A short span as people say it: `340 ms`, `1.2 s`, `38 s`.
pub fn seconds(span: Duration) -> String {
    match span.as_secs_f64() {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 119.5 => format!("{s:.0} s"),
        _ => age(span),
    }
}

/// A long span in its two greatest units, without the second where there is nothing of it: `3 h 12 m`, `10 m`.
pub fn age(span: Duration) -> String {
    let total = span.as_secs();
    let (great, small) = match total {
        0..60 => return format!("{total} s"),
        60..3600 => ((total / 60, "m"), (total % 60, "s")),
        3600..86400 => ((total / 3600, "h"), (total % 3600 / 60, "m")),
        _ => ((total / 86400, "d"), (total % 86400 / 3600, "h")),
    };
    match small {
        (0, _) => format!("{} {}", great.0, great.1),
        (rest, unit) => format!("{} {} {rest} {unit}", great.0, great.1),
    }
}

/// A size with a binary unit: `512 B`, `1.5 MiB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{size} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        assert_eq!((count(1, "file"), count(0, "file")), ("1 file".into(), "0 files".into()));
        assert_eq!((count(2, "dependency"), count(3, "process")), ("2 dependencies".into(), "3 processes".into()));
        assert_eq!(or_list(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(or_list(["a"]), "`a`");
        assert_eq!(seconds(Duration::from_millis(340)), "340 ms");
        assert_eq!(seconds(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 m 5 s");
        assert_eq!(age(Duration::from_secs(11_520)), "3 h 12 m");
        let whole = [600, 7200, 172_800, 172_801].map(|total| age(Duration::from_secs(total)));
        assert_eq!(whole, ["10 m", "2 h", "2 d", "2 d"]);
        assert_eq!((bytes(512), bytes(1_572_864)), ("512 B".into(), "1.5 MiB".into()));
    }
}
