//! Files of variables.
//!
//! `NAME=value`, one a line, `export ` before it and comments are fine. A value without quotes ends at the end of the
//! line or before ` #`. In `'…'` everything stands for itself; in `"…"` a `\` begins `\n`, `\r`, `\t`, `\"`, `\\` or `\$`;
//! both may go over several lines. A `$` is never replaced: a password with a dollar is safe.

use crate::{TextFile, file::place, interpolate::is_variable_name};
use report::{Finding, Place};
use std::collections::BTreeMap;

/// What a file of variables says.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    /// By name, with the place of the name.
    pub(crate) values: BTreeMap<String, (String, Place)>,
    pub(crate) problems: Vec<Finding>,
    pub(crate) warnings: Vec<Finding>,
}

/// Reads the whole file; every bad line is a problem, a name that comes twice a warning, and the last one counts.
pub(crate) fn parse(file: &TextFile) -> Variables {
    let mut reader = Reader { file, at: 0, found: Variables::default() };
    while reader.at < file.text.len() {
        reader.line();
    }
    reader.found
}

/// A file that says just this.
pub fn variables_as_file(values: &BTreeMap<String, String>) -> String {
    values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect()
}

struct Reader<'a> {
    file: &'a TextFile,
    at: usize,
    found: Variables,
}

impl Reader<'_> {
    fn line(&mut self) {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let (start, end) = (self.at + indent(line), self.at + line.len());
        let text = line.trim().trim_start_matches('\u{feff}');
        if text.is_empty() || text.starts_with('#') {
            self.at = end + 1;
            return;
        }
        let declared = text.strip_prefix("export ").map_or(text, str::trim_start);
        let name = declared.split('=').next().unwrap_or(declared).trim_end();
        let name_at = start + line.trim_start().find(name).unwrap_or_default();
        let name_place = self.place(name_at, name_at + name.len());
        let Some(equals) = line.find('=').filter(|_| is_variable_name(name)) else {
            let what = "this is not `NAME=value`";
            self.found.problems.push(Finding::error(what).at(self.place(start, end)).hint("begin a comment with `#`"));
            self.at = end + 1;
            return;
        };
        let name = name.to_owned();
        self.at += equals + 1;
        if let Some(value) = self.value(end) {
            self.keep(name, value, name_place);
        }
    }

    /// Reads the value and moves on to the next line.
    fn value(&mut self, end_of_line: usize) -> Option<String> {
        let begin = self.at + indent(&self.file.text[self.at..end_of_line]);
        match self.file.text[begin..].chars().next() {
            Some(quote @ ('"' | '\'')) if begin < end_of_line => self.quoted(begin, quote),
            _ => {
                let value = &self.file.text[self.at..end_of_line];
                self.at = end_of_line + 1;
                Some(without_comment(value).trim().to_owned())
            }
        }
    }

    fn quoted(&mut self, begin: usize, quote: char) -> Option<String> {
        let text = &self.file.text;
        let mut value = String::new();
        let mut characters = text[begin + 1..].char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' if quote == '"' => value.extend(unescaped(characters.next().map(|(_, next)| next))),
                _ if character == quote => {
                    return self.after_quote(begin + 1 + at + 1).then_some(value.replace("\r\n", "\n"));
                }
                other => value.push(other),
            }
        }
        let place = self.place(begin, begin + 1);
        self.found.problems.push(Finding::error(format!("the quote `{quote}` is never closed")).at(place));
        self.at = text.len();
        None
    }

    /// Only a comment may follow a closing quote.
    fn after_quote(&mut self, from: usize) -> bool {
        let rest = self.file.text[from..].split('\n').next().unwrap_or_default();
        self.at = from + rest.len() + 1;
        let clean = rest.trim().is_empty() || rest.trim().starts_with('#');
        if !clean {
            let place = self.place(from, from + rest.trim_end().len());
            let hint = "write `\\\"` for a quote inside `\"…\"`, or put the value into `'…'`";
            self.found.problems.push(Finding::error("something follows the closing quote").at(place).hint(hint));
        }
        clean
    }

    fn keep(&mut self, name: String, value: String, place: Place) {
        if let Some((_, first)) = self.found.values.get(&name) {
            let warning = Finding::warning(format!("`{name}` is set twice, the last one counts"));
            let warning = warning.at(place.clone()).seen(format!("first in line {}", first.line));
            self.found.warnings.push(warning.hint("remove one of them"));
        }
        self.found.values.insert(name, (value, place));
    }

    /// A place that shows names, never values.
    fn place(&self, start: usize, end: usize) -> Place {
        let mut place = place(&self.file.name, &self.file.text, &(start..end));
        if let Some((name, _)) = place.source.split_once('=') {
            place.source = format!("{name}=…");
        } else {
            place.source = "…".to_owned();
        }
        let width = place.source.chars().count();
        place.column = place.column.min(width);
        place.width = place.width.min(width + 1 - place.column);
        place
    }

    fn rest(&self) -> &str {
        &self.file.text[self.at..]
    }
}

fn indent(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn without_comment(value: &str) -> &str {
    if value.trim_start().starts_with('#') && value.starts_with([' ', '\t']) {
        return "";
    }
    let comment = [" #", "\t#"].iter().filter_map(|start| value.find(start)).min();
    comment.map_or(value, |at| &value[..at])
}

fn unescaped(escaped: Option<char>) -> Vec<char> {
    match escaped {
        None => vec!['\\'],
        Some('n') => vec!['\n'],
        Some('r') => vec!['\r'],
        Some('t') => vec!['\t'],
        Some(same @ ('"' | '\\' | '$')) => vec![same],
        Some(other) => vec!['\\', other],
    }
}

/// A value as it has to be written to be read back.
pub(crate) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+,=?&~^*[]{}()!|;<>".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    if !value.contains(['\'', '\n', '\r']) {
        return format!("'{value}'");
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Variables {
        parse(&TextFile { name: ".env".into(), text: text.into(), mode: 0o600 })
    }

    fn value(text: &str) -> String {
        let found = read(text);
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        found.values["A"].0.clone()
    }

    /// S1.17
    #[test]
    fn values() {
        for (text, expected) in [
            ("A=1", "1"),
            ("export A=1\r\n", "1"),
            ("  A = a b # comment", "a b"),
            ("A=a#b", "a#b"),
            ("A=", ""),
            ("A= # nothing", ""),
            ("A=#5", "#5"),
            ("A='p$w \"x\" \\n'", "p$w \"x\" \\n"),
            ("A=\"a\\n\\\"b\\\" \\\\ $HOME \\x\" # c", "a\n\"b\" \\ $HOME \\x"),
            ("A=\"one\ntwo\"\nB=2", "one\ntwo"),
            ("A=p@ss:w/rd%#?", "p@ss:w/rd%#?"),
            ("\u{feff}A=1", "1"),
            ("A=a=b", "a=b"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bad_lines_are_all_named_and_no_value_is_shown() {
        let found = read("hunter2 hunter3\n1A=x\nA=\"hunter2\" x\nB=1\nB=2\nC='hunter2");
        let said: Vec<_> =
            found.problems.iter().map(|it| (it.place.as_ref().unwrap().line, it.summary.as_str())).collect();
        assert_eq!(
            said,
            [
                (1, "this is not `NAME=value`"),
                (2, "this is not `NAME=value`"),
                (3, "something follows the closing quote"),
                (6, "the quote `'` is never closed"),
            ]
        );
        assert!(!format!("{:?}", found.problems).contains("hunter"), "{:?}", found.problems);
        assert_eq!(found.values["B"].0, "2");
        assert!(found.warnings[0].to_string().contains("`B` is set twice"));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(expected in "[^\\x00\r]{0,40}") {
            prop_assert_eq!(value(&format!("A={}", quoted(&expected))), expected);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[ -~\\n\u{feff}é]{0,80}") {
            read(&text);
        }
    }
}
