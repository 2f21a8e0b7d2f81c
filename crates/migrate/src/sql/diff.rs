//! The difference between two texts, for people.

use similar::TextDiff;
use std::time::Duration;

/// A message holds no more lines of difference.
const LINES: usize = 60;
/// A line of a message holds no more letters.
const WIDTH: usize = 160;
/// After this long, the difference is still true but perhaps not the smallest.
const PATIENCE: Duration = Duration::from_millis(500);

/// The lines that differ, with three lines around them, as `diff -u` writes it; cut off, with the number of lines that are not
/// shown. Empty when only the ends of lines differ.
pub(crate) fn diff(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let difference = TextDiff::configure().timeout(PATIENCE).diff_slices(&old, &new);
    let text = difference.unified_diff().context_radius(3).missing_newline_hint(false).to_string();
    let lines: Vec<_> = text.lines().collect();
    let more = lines.len().saturating_sub(LINES);
    let shown = lines[..lines.len() - more].iter().map(|line| narrow(line));
    let rest = (more > 0).then(|| format!("… and {more} more lines"));
    shown.chain(rest).collect::<Vec<_>>().join("\n")
}

fn narrow(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_differ_stand_between_three_others() {
        let old = "1\n2\n3\n4\n5\ncreate table a(b int);\n6\n7\n8\n9\n";
        let new = old.replace("b int", "b bigint").replace('\n', "\r\n");
        let expected = "@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-create table a(b int);\n+create table a(b bigint);\n 6\n 7\n 8";
        assert_eq!(diff(old, &new), expected);
        assert_eq!(diff(old, old), "");
        assert_eq!(diff("a\n", "a\r\n"), "");
    }

    #[test]
    fn a_long_difference_is_cut_off() {
        let new = "x".repeat(200) + &"\ny".repeat(99);
        let shown = diff("", &new);
        assert_eq!(shown.lines().count(), LINES + 1);
        assert_eq!(shown.lines().nth(1).map(|line| line.chars().count()), Some(WIDTH + 1));
        assert_eq!(shown.lines().last(), Some("… and 41 more lines"));
    }
}
