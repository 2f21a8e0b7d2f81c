//! `BEGIN;` and `COMMIT;` around a whole file, as people write them for tools that open no transaction themselves.

use super::{Section, lines::lines};
use crate::sql::{Dialect, statements};
use std::ops::Range;

/// All of `text` as one section; without the `BEGIN` and `COMMIT` around it, for the transaction is ours.
pub(super) fn whole(text: &str) -> Section {
    match inside(text) {
        Some(range) => Section { range, transaction: Some(true) },
        None => Section { range: 0..text.len(), transaction: None },
    }
}

/// What `BEGIN` and `COMMIT` enclose, when they enclose everything and nothing in it speaks of transactions again.
fn inside(text: &str) -> Option<Range<usize>> {
    if !may_begin(text) {
        return None;
    }
    let all = statements(text, Dialect::Postgres);
    let [first, middle @ .., last] = all.as_slice() else { return None };
    let speaks = middle.iter().any(|statement| speaks_of_transactions(&statement.words));
    if speaks || !opens(&first.words) || !closes(&last.words) {
        return None;
    }
    let semicolon = first.range.end + text[first.range.end..].find(';')?;
    let plain = text[first.range.end..semicolon].trim().is_empty();
    plain.then_some(semicolon + 1..last.range.start)
}

/// A glance, for most files are nothing of the kind and need not be read to their end.
fn may_begin(text: &str) -> bool {
    let first = lines(text).find(|line| !line.is_idle()).map_or("", |line| line.text.trim_start());
    let begins = |word: &str| first.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    ["BEGIN", "START", "/*"].into_iter().any(begins)
}

fn opens(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["BEGIN"] | ["BEGIN", "WORK" | "TRANSACTION"] | ["START", "TRANSACTION"])
}

fn closes(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["COMMIT" | "END"] | ["COMMIT" | "END", "WORK" | "TRANSACTION"])
}

fn speaks_of_transactions(words: &[String]) -> bool {
    let first = words.first().map_or("", String::as_str);
    matches!(first, "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE")
        || (first == "PREPARE" && words.get(1).is_some_and(|word| word == "TRANSACTION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Option<&str> {
        inside(text).map(|range| &text[range])
    }

    #[test]
    fn a_transaction_around_everything_is_taken_off() {
        assert_eq!(cut("-- x\nBEGIN;\nselect 1;\nselect 2;\nCOMMIT;\n-- end\n"), Some("\nselect 1;\nselect 2;\n"));
        assert_eq!(cut("start transaction ; select 1; end"), Some(" select 1; "));
        assert_eq!(cut("begin work;commit transaction;"), Some(""));
        let function = "BEGIN; create function f() returns int begin atomic select 1; end; COMMIT;";
        assert_eq!(cut(function), Some(" create function f() returns int begin atomic select 1; end; "));
    }

    #[test]
    fn everything_else_stays() {
        let texts = [
            "select 1;",
            "BEGIN; select 1;",
            "select 1; COMMIT;",
            "BEGIN; a; COMMIT; b;",
            "BEGIN; a; COMMIT; BEGIN; b; COMMIT;",
            "BEGIN ISOLATION LEVEL SERIALIZABLE; a; COMMIT;",
            "BEGIN; savepoint x; a; COMMIT;",
            "BEGIN /* ; */; a; COMMIT;",
            "",
        ];
        for text in texts {
            assert_eq!(cut(text), None, "{text}");
        }
        assert_eq!(whole("select 1;"), Section { range: 0..9, transaction: None });
        assert_eq!(whole("BEGIN;x;END").transaction, Some(true));
    }
}
