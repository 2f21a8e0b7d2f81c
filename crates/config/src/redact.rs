//! Takes passwords out of lines that are quoted back to the person who wrote them. Errs on the side of hiding.

use std::ops::Range;

/// Words in the name of a key or variable that make its value a secret.
const SECRET_WORDS: [&str; 7] = ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey"];

/// `text` with `***` for what looks like a password.
pub fn redact(text: &str) -> String {
    redact_until(text, text.len())
}

/// The same for the first `end` bytes of `text`; `end` must not lie within a password.
pub(crate) fn redact_until(text: &str, end: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for range in secrets(text).into_iter().filter(|range| range.end <= end) {
        shown.push_str(&text[from..range.start]);
        shown.push_str("***");
        from = range.end;
    }
    shown.push_str(&text[from..end]);
    shown
}

/// A shorter value of a variable such as `API_KEY` is rather a switch or a name.
const SHORTEST_SECRET: usize = 8;

/// Is this the value of a variable whose name makes it a secret?
pub(crate) fn is_secret(name: &str, value: &str) -> bool {
    value.len() >= SHORTEST_SECRET && names_a_secret(name)
}

/// Does a variable of this name hold a secret?
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name.ends_with("key") || name.ends_with("_pass")
}

/// Where passwords stand: in order, apart from each other.
pub(crate) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<_> = in_urls(text)
        .into_iter()
        .chain(after_names(text))
        .chain(keys_of_age(text))
        .filter(|it| !it.is_empty())
        .collect();
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// From the first `:` after `://` to the last `@` before the next URL or the end of the line: a password may contain
/// anything, also `@` and `/`.
pub(crate) fn in_urls(text: &str) -> Vec<Range<usize>> {
    let starts: Vec<usize> = text.match_indices("://").map(|(at, _)| at + 3).collect();
    let mut found = Vec::new();
    for (index, &start) in starts.iter().enumerate() {
        let limit = starts.get(index + 1).copied().unwrap_or(text.len());
        let end = text[start..limit].find('\n').map_or(limit, |at| start + at);
        let Some(at) = text[start..end].rfind('@') else { continue };
        let Some(colon) = text[start..start + at].find(':') else { continue };
        found.push(start + colon + 1..start + at);
    }
    found
}

/// `AGE-SECRET-KEY-1…`
fn keys_of_age(text: &str) -> Vec<Range<usize>> {
    let upper = text.to_ascii_uppercase();
    let end = |at: usize| {
        text[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-').map_or(text.len(), |len| at + len)
    };
    upper.match_indices(crate::age::SECRET).map(|(at, _)| at..end(at)).collect()
}

/// The values of `password = "…"`, `PGPASSWORD=…`, `?password=…`.
fn after_names(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('=') {
        let name = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let word = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').next().unwrap_or(name);
        if names_a_secret(&word.replace('-', "_")) {
            found.extend(value(text, at + 1));
        }
    }
    found
}

fn value(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + (text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len());
    let rest = &text[start..];
    let quote = rest.chars().next()?;
    if matches!(quote, '{' | '[') || ["true", "false", "${"].iter().any(|plain| rest.starts_with(plain)) {
        return None;
    }
    if matches!(quote, '"' | '\'') {
        let inner = &rest[1..];
        let line = inner.find('\n').unwrap_or(inner.len());
        let end = inner[..line].find(quote).unwrap_or(line);
        return (!inner[..end].starts_with("${")).then_some(start + 1..start + 1 + end);
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == '&').unwrap_or(rest.len());
    Some(start..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_they_stand() {
        let table = [
            ("postgres://bot:hunter2@db/app", "postgres://bot:***@db/app"),
            ("url = \"postgres://bot:p@s/s@db/app\"", "url = \"postgres://bot:***@db/app\""),
            ("redis://:a@h/0, redis://:b@h/1", "redis://:***@h/0, redis://:***@h/1"),
            ("host=db password=hunter2 user=bot", "host=db password=*** user=bot"),
            ("host=db password='hun ter' user=bot", "host=db password='***' user=bot"),
            ("PGPASSWORD=hunter2", "PGPASSWORD=***"),
            ("tcp://127.0.0.1:80", "tcp://127.0.0.1:80"),
            ("BOT_TOKEN = { secret = true, required = true }", "BOT_TOKEN = { secret = true, required = true }"),
            ("password = \"${PGPASSWORD}\"", "password = \"${PGPASSWORD}\""),
            ("password = \"never closed", "password = \"***"),
            ("name = \"ключ\"", "name = \"ключ\""),
        ];
        for (text, shown) in table {
            assert_eq!(redact(text), shown);
        }
    }
}
