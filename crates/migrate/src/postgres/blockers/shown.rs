//! A statement as it may be shown: one line, short, without passwords. Pure.

use config::redact;

/// More than this says no more.
const LONGEST: usize = 120;
/// As [`redact`] writes it.
const MASK: &str = "***";

/// The first line of a statement with something in it, at most 120 characters, without what looks like a password.
pub(crate) fn shown(sql: &str) -> String {
    let masked = redact(&mask_passwords(sql));
    let line = masked.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let more = masked.trim().len() > line.len();
    let short: String = line.chars().take(LONGEST).filter(|c| !c.is_control()).collect();
    if more || line.chars().count() > LONGEST { format!("{short} …") } else { short }
}

/// What stands in quotes after `PASSWORD`, as SQL writes it.
fn mask_passwords(sql: &str) -> String {
    const WORD: &str = "password";
    // ASCII only, so that every position is the same in both.
    let lower = sql.to_ascii_lowercase();
    let (mut out, mut at) = (String::with_capacity(sql.len()), 0);
    while let Some(found) = lower[at..].find(WORD) {
        let after = at + found + WORD.len();
        let (start, end) = quoted(&sql[after..]);
        out.push_str(&sql[at..after + start]);
        if start < end {
            out.push_str(MASK);
        }
        at = after + end;
    }
    out + &sql[at..]
}

/// Where the inside of the quotes is that follow the word.
fn quoted(rest: &str) -> (usize, usize) {
    let bare = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    if let Some(tail) = bare.trim_start_matches(['e', 'E']).strip_prefix('\'') {
        let start = rest.len() - tail.len();
        return (start, start + quoted_length(tail));
    }
    match bare.strip_prefix('$') {
        // Dollar quotes: up to the end of the line at least, which is all that is shown.
        Some(tail) => (rest.len() - tail.len(), rest.len()),
        None => (0, 0),
    }
}

/// Up to the closing quote; a doubled or escaped one closes nothing. All of it when the server cut the statement short.
fn quoted_length(tail: &str) -> usize {
    let bytes = tail.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at,
            _ => at += 1,
        }
    }
    tail.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_short_line_without_passwords() {
        let rows = [
            ("select 1", "select 1"),
            ("\n  alter table a\n  add b int", "alter table a …"),
            ("create role x PASSWORD 'geheim' login", "create role x PASSWORD '***' login"),
            ("alter role x encrypted password E'ge\\'h''eim'", "alter role x encrypted password E'***'"),
            ("alter role x password $$geheim$$", "alter role x password $***"),
            ("alter role x password 'gehei", "alter role x password '***"),
            ("alter role x password null", "alter role x password null"),
            (
                "create subscription s connection 'host=h password=geheim user=u'",
                "create subscription s connection 'host=h password=*** user=u'",
            ),
            ("select dblink('postgres://u:geh:eim@h/d')", "select dblink('postgres://u:***@h/d')"),
            ("select dblink('postgres://u@h/d')", "select dblink('postgres://u@h/d')"),
            ("select password from users", "select password from users"),
            ("alter role x password 'geheim\nnext' login", "alter role x password '***' login"),
        ];
        for (sql, expected) in rows {
            assert_eq!(shown(sql), expected, "{sql}");
        }
        assert_eq!(shown(&"ы".repeat(121)), format!("{} …", "ы".repeat(120)));
    }

    proptest! {
        #[test]
        fn it_is_always_one_short_line(sql in "(.|\n|'|password|=|://|@|\\\\){0,300}") {
            let shown = shown(&sql);
            prop_assert!(shown.lines().count() <= 1 && shown.chars().count() <= LONGEST + 2);
        }

        #[test]
        fn what_is_in_quotes_after_the_word_is_never_shown(before in "[a-z ]{0,50}", space in "[ \n=]{0,4}", after in ".{0,80}") {
            let sql = format!("{before}password{space}'geheimgeheim'{after}");
            prop_assert!(!shown(&sql).contains("geheim"));
        }
    }
}
