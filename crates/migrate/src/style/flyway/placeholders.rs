//! `${name}` in a file: Flyway fills it in wherever it stands, in quotes and comments too. What its configuration files say is not
//! known here; its environment variables are.

use crate::style::Flaw;
use std::{borrow::Cow, collections::BTreeMap};

/// `FLYWAY_PLACEHOLDERS_NAME` is the value of `${name}`, whatever the case.
const VALUE: &str = "FLYWAY_PLACEHOLDERS_";
/// `false` in it leaves files as they are.
const SWITCH: &str = "FLYWAY_PLACEHOLDER_REPLACEMENT";

/// `text` with its placeholders filled in.
///
/// # Errors
/// One that has no value, or no end.
pub(super) fn filled<'t>(text: &'t str, vars: &BTreeMap<String, String>) -> Result<Cow<'t, str>, Flaw> {
    let off = vars.get(SWITCH).is_some_and(|value| value.eq_ignore_ascii_case("false"));
    if off || !text.contains("${") {
        return Ok(text.into());
    }
    let (mut result, mut from) = (String::with_capacity(text.len()), 0);
    while let Some(at) = text[from..].find("${").map(|at| from + at) {
        let name = at + 2;
        let end = text[name..].find('}').map(|end| name + end).ok_or_else(|| open(at))?;
        let value = value(&text[name..end], vars).ok_or_else(|| unknown(&text[name..end], at..end + 1))?;
        result.push_str(&text[from..at]);
        result.push_str(value);
        from = end + 1;
    }
    result.push_str(&text[from..]);
    Ok(result.into())
}

fn value<'v>(name: &str, vars: &'v BTreeMap<String, String>) -> Option<&'v str> {
    let named = |key: &str| key.strip_prefix(VALUE).is_some_and(|key| key.eq_ignore_ascii_case(name));
    vars.iter().find(|(key, _)| named(key)).map(|(_, value)| value.as_str())
}

fn open(at: usize) -> Flaw {
    Flaw {
        message: "the placeholder `${` has no end".to_owned(),
        hint: format!("write `}}` behind its name, or set {SWITCH}=false, as Flyway reads it too"),
        range: at..at + 2,
    }
}

fn unknown(name: &str, range: std::ops::Range<usize>) -> Flaw {
    let hint = match name.starts_with("flyway:") {
        true => format!("write the value itself, or set {SWITCH}=false if it is no placeholder"),
        false => format!(
            "set {VALUE}{}, which Flyway reads too, or {SWITCH}=false if it is no placeholder",
            name.to_ascii_uppercase()
        ),
    };
    Flaw { message: format!("the placeholder `{name}` has no value"), hint, range }
}
