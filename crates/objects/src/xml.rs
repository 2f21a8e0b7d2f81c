//! As much of XML as S3's answers are: elements with text, without attributes that matter.

/// The texts of all elements of this name, wherever they stand; what is inside of them as it is.
pub(crate) fn all<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(&open) {
        let after = &rest[at + open.len()..];
        // `<Key>`, `<Key xmlns="…">`, not `<KeyCount>` and not `<Key/>`.
        let Some(end) = after.find('>') else { break };
        let (head, body) = (&after[..end], &after[end + 1..]);
        if !(head.is_empty() || head.starts_with(char::is_whitespace)) || head.ends_with('/') {
            rest = body;
            continue;
        }
        let Some(until) = body.find(&close) else { break };
        found.push(&body[..until]);
        rest = &body[until + close.len()..];
    }
    found
}

/// The text of the first element of this name.
pub(crate) fn first(text: &str, name: &str) -> Option<String> {
    all(text, name).first().map(|text| unescaped(text))
}

/// `text` within an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let known = rest[at..].find(';').and_then(|end| Some((entity(&rest[at + 1..at + end])?, at + end + 1)));
        let (character, next) = known.unwrap_or(('&', at + 1));
        plain.push(character);
        rest = &rest[next..];
    }
    plain + rest
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_read() {
        let text = r#"<?xml version="1.0"?><R xmlns="x"><KeyCount>2</KeyCount><Key>a&amp;b</Key><Key/><Key a="1">&#x41;&#66;&c</Key></R>"#;
        assert_eq!(all(text, "Key").len(), 2);
        assert_eq!(first(text, "Key").unwrap(), "a&b");
        assert_eq!(unescaped(all(text, "Key")[1]), "AB&c");
        assert_eq!(first(text, "KeyCount").unwrap(), "2");
        assert_eq!((first(text, "Nothing"), first("<Key>", "Key")), (None, None));
        assert_eq!(unescaped(&escaped("<a & \"b\">")), "<a & \"b\">");
    }
}
