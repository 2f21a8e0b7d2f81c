//! `${VAR}` in the strings of the file.

/// A reference that cannot be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// The variable is not set and there is no default.
    Unset(String),
    /// `${` without `}`, or nothing that could be a name between them.
    Malformed(String),
}

/// Replaces `${VAR}` and `${VAR:-default}`; `$$` is one `$`, and a `$` before anything else stands for itself. An empty
/// variable counts as unset, as in a shell's `:-`. What was put in is not looked at again.
pub(crate) fn interpolate<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String, Unresolved> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some(end) = inner.find('}') else { return Err(Unresolved::Malformed(format!("${{{inner}"))) };
            result.push_str(&reference(&inner[..end], &lookup)?);
            rest = &inner[end + 1..];
        } else {
            result.push('$');
        }
    }
    result.push_str(rest);
    Ok(result)
}

fn reference<'a>(inner: &str, lookup: &impl Fn(&str) -> Option<&'a str>) -> Result<String, Unresolved> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_variable_name(name) {
        return Err(Unresolved::Malformed(format!("${{{inner}}}")));
    }
    match lookup(name).filter(|value| !value.is_empty()).or(default) {
        Some(value) => Ok(value.to_owned()),
        None => Err(Unresolved::Unset(name.to_owned())),
    }
}

/// Letters, digits and `_`, no digit first.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Unresolved> {
        interpolate(text, |name| match name {
            "HOST" => Some("db"),
            "EMPTY" => Some(""),
            "RAW" => Some("${HOST}"),
            _ => None,
        })
    }

    #[test]
    fn variables_defaults_and_dollars() {
        for (text, expected) in [
            ("postgres://${HOST}/app", "postgres://db/app"),
            ("${NONE:-x}${EMPTY:-y}${HOST:-z}", "xydb"),
            ("${NONE:-}", ""),
            ("$$5 and $HOME and $", "$5 and $HOME and $"),
            ("$${HOST}", "${HOST}"),
            ("${RAW}", "${HOST}"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_set_is_named() {
        assert_eq!(read("a ${NONE}"), Err(Unresolved::Unset("NONE".into())));
        assert_eq!(read("${EMPTY}"), Err(Unresolved::Unset("EMPTY".into())));
        assert_eq!(read("${HOST"), Err(Unresolved::Malformed("${HOST".into())));
        assert_eq!(read("${a b}"), Err(Unresolved::Malformed("${a b}".into())));
    }
}
