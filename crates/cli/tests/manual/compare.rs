//! Is that what the page shows?

/// Do the `printed` lines fit the `expected` ones, where `...` stands for any number of lines?
pub(crate) fn fits(expected: &[String], printed: &[String]) -> bool {
    glob(&normal(expected), &normal(printed), false)
}

/// The same of what a running program has printed so far: more may follow.
pub(crate) fn begins(expected: &[String], printed: &[String]) -> bool {
    glob(&normal(expected), &normal(printed), true)
}

fn glob(expected: &[String], printed: &[String], open: bool) -> bool {
    match expected.split_first() {
        None => open || printed.is_empty(),
        Some((any, rest)) if any == "..." => (0..=printed.len()).any(|skipped| glob(rest, &printed[skipped..], open)),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(seen, after)| seen == line && glob(rest, after, open))
        }
    }
}

fn normal(lines: &[String]) -> Vec<String> {
    let filled = lines.iter().filter(|line| !line.is_empty());
    filled
        .map(|line| {
            without_numbers(&testkit::scrub(&without_holder(&without_process(&without_progress(&squeezed(line))))))
        })
        .collect()
}

/// `process 4711 holds …`
fn without_holder(line: &str) -> String {
    match line.split_once("process ") {
        Some((before, after)) => format!("{before}pid {after}"),
        None => line.to_owned(),
    }
}

/// `api active 4711 3 s`, a line of `mainstay ps`.
fn without_process(line: &str) -> String {
    match line.split_once(" active ") {
        Some((before, after)) if after.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{before} active pid {after}")
        }
        _ => line.to_owned(),
    }
}

/// How far a recovery has come, and how often it was asked until it was over, differs each time.
fn without_progress(line: &str) -> String {
    if let (Some(from), Some(to)) = (line.find(", redo"), line.find(" elapsed")) {
        return format!("{}[PROGRESS]{}", &line[..from], &line[to..]);
    }
    match (line.contains(" is ready ("), line.find(" attempt")) {
        (true, Some(at)) => {
            let (before, after) = (&line[..at], &line[at + " attempt".len()..]);
            let after = after.strip_prefix('s').unwrap_or(after);
            format!("{} [N] attempts{after}", before.trim_end_matches(|c: char| c.is_ascii_digit()))
        }
        _ => line.to_owned(),
    }
}

/// Bars of a timeline are as long as the time they show, and columns as wide as what stands in them.
fn squeezed(line: &str) -> String {
    let mut text = String::new();
    for character in line.trim_end().chars() {
        let again = matches!(character, ' ' | '█' | '-') && text.ends_with(character);
        if !again {
            text.push(character);
        }
    }
    text
}

/// Numbers with a fraction are measured, and versions of servers are those of the machine. Addresses have more dots.
fn without_numbers(line: &str) -> String {
    let is_number = |word: &str| {
        let parts: Vec<_> = word.split('.').collect();
        matches!(parts.len(), 2 | 3)
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()))
    };
    let mut text = String::new();
    for word in line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
        let end = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).len();
        text.push_str(if is_number(&word[..end]) { "[N]" } else { &word[..end] });
        text.push_str(&word[end..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_what_is_volatile_may_differ() {
        for (expected, printed) in [
            ("ready after 12 ms", "ready after 1.5 s"),
            ("a\n...\nd", "a\nb\nc\nd"),
            ("x, redo at 0/1 (0 % of 0/1..0/4), 7 ms elapsed, y", "x, redo at 0/2, 9 MB/s, 1 s elapsed, y"),
            ("seen: process 123 holds it", "seen: process 4567 holds it"),
            ("api      active  4712  3 s  0", "api      active  27242  12 ms  0"),
            ("x is ready (y, 1 attempt, 2 ms)", "x is ready (y, 3 attempts, 2 ms)"),
            ("...\nd", "d"),
            ("gate   2 ms  ██  pass", "gate  11 ms █████ pass"),
            ("PostgreSQL 15.18, SQLite 3.54.1", "PostgreSQL 17.2, SQLite 3.50.0"),
            ("\"latency_ms\": 1.25,", "\"latency_ms\": 17.0,"),
        ] {
            assert!(fits(&lines(expected), &lines(printed)), "{expected} / {printed}");
        }
        for (expected, printed) in [
            ("attempt 1", "attempt 2"),
            ("127.0.0.1", "127.0.0.2"),
            ("a", "a\nb"),
            ("a\n...\nd", "a\nb"),
            ("SQLSTATE 57P03", "SQLSTATE 57P02"),
            ("0 pending", "1 pending"),
        ] {
            assert!(!fits(&lines(expected), &lines(printed)), "{expected} / {printed}");
        }
        assert!(begins(&lines("a\nb"), &lines("a\nb\nc")) && !begins(&lines("a\nb"), &lines("a")));
    }
}
