//! Names: of the application, of what is in it, and of the variables that set it.

use crate::{
    file::{Context, Table, is_name, variable_name},
    reference::SHORT_VARIABLES,
    suggest::nearest,
};
use report::Finding;
use std::collections::BTreeMap;

/// Variables that others read: the command line, and what mainstay itself puts into the environment of services.
const READ_ELSEWHERE: [&str; 15] = [
    "MAINSTAY_BY",
    "MAINSTAY_CACHE",
    "MAINSTAY_COMMIT",
    "MAINSTAY_CONFIG",
    "MAINSTAY_DIR",
    "MAINSTAY_LOG_FORMAT",
    "MAINSTAY_LOG_LEVEL",
    "MAINSTAY_SERVICE",
    "MAINSTAY_JOB",
    "MAINSTAY_DUE",
    "MAINSTAY_INSTANCE",
    "MAINSTAY_APP",
    "MAINSTAY_RELEASE",
    "MAINSTAY_NO_COLOR",
    "MAINSTAY_SLOW",
];

/// The application's name, by default that of the directory.
pub(super) fn application(root: &Table<'_>) -> String {
    let sources = root.context.sources;
    let setting = root.setting("name").flag("--name", &sources.flags.name);
    match setting.written() {
        Some(written) if is_name(&written.text) => written.text,
        Some(written) => {
            let summary = format!("`{}` is no good name", written.text);
            setting.refuse(
                &written,
                &summary,
                "a name has lower-case letters, digits, `-` and `_`, and begins with a letter",
            );
            written.text
        }
        None => from_directory(&sources.root.file_name().unwrap_or_default().to_string_lossy()),
    }
}

/// The name of an application in a directory of this name.
pub fn from_directory(directory: &str) -> String {
    let good = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' };
    let name: String = directory.to_lowercase().chars().map(good).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    let name: String = name.chars().take(64).collect();
    if name.is_empty() { "app".to_owned() } else { name }
}

/// Reports names that are used twice, also those that differ only where a variable's name cannot.
pub(super) fn refuse_ambiguous(root: &Table<'_>) {
    let mut seen: BTreeMap<String, (String, &str)> = BTreeMap::new();
    for (map, what) in
        [("databases", "database"), ("dependencies", "dependency"), ("services", "service"), ("schedule", "job")]
    {
        for entry in root.entries(map) {
            let Some((first, of)) = seen.get(&variable_name(&entry.name)) else {
                seen.insert(variable_name(&entry.name), (entry.name, what));
                continue;
            };
            let summary = match *first == entry.name {
                true => format!("the {of} `{first}` and the {what} `{first}` have the same name"),
                false => format!("the names `{first}` and `{}` differ only in `-` and `_`", entry.name),
            };
            let who = if what == "job" { "logs" } else { "`needs`" };
            let finding =
                Finding::error(summary).hint(format!("{who} must be able to tell them apart: rename one of them"));
            root.context.problem(root.context.at(finding, &entry.span));
        }
    }
}

/// A `MAINSTAY_…` that means nothing is a slip.
pub(super) fn warn_of_unknown_variables(context: &Context<'_>) {
    let mut known = context.known();
    // Known also when nothing is there that they could set, as an image's own `MAINSTAY_TIMEOUT`.
    known.extend(SHORT_VARIABLES.iter().map(|(name, _)| (*name).to_owned()));
    for name in context.env.keys().filter(|name| name.starts_with("MAINSTAY_")) {
        if known.contains(name) || READ_ELSEWHERE.contains(&name.as_str()) {
            continue;
        }
        let warning = Finding::warning(format!("the variable `{name}` means nothing to mainstay"));
        let warning = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => warning.hint(format!("did you mean `{near}`?")),
            None => warning.hint("remove it, or check its name in the reference"),
        };
        context.warn(match context.places.get(name) {
            Some(place) => warning.at(place.clone()),
            None => warning,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_becomes_a_name() {
        for (directory, name) in
            [("booking", "booking"), ("My App", "my-app"), ("2fast", "fast"), ("", "app"), ("бот", "app")]
        {
            assert_eq!(from_directory(directory), name);
        }
    }
}
