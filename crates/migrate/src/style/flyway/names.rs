//! What Flyway takes from a file's name.

use crate::{
    Problem, Version,
    style::{Named, Part},
};

/// The ledger has room for so many characters of a description; Flyway cuts longer ones (`AbbreviationUtils.java`).
const DESCRIPTION: usize = 200;

/// Events that belong to migrating. What is to happen then, mainstay does not do.
const MIGRATING: [&str; 9] = [
    "Migrate",
    "Repeatables",
    "Versioned",
    "CreateSchema",
    "createSchema",
    "Connect",
    "Validate",
    "EachMigrateStatement",
    "EachMigrate",
];

/// What a file is, by its name without directories.
pub(super) fn read(base: &str) -> Named {
    if let Some(script) = base.strip_suffix(".conf").filter(|script| script.ends_with(".sql")) {
        return bad(
            format!("Flyway's settings for `{script}` are not read here"),
            "take it out: statements that cannot be in a transaction are found without it; migrate other such files by Flyway",
        );
    }
    let Some(stem) = base.strip_suffix(".sql") else { return Named::Other };
    if let Some(event) = callback(stem) {
        return event;
    }
    let (head, description) = stem.split_once("__").unwrap_or((stem, ""));
    match head.split_at_checked(1) {
        Some(("V", version)) => versioned(base, version, description, Part::Up),
        Some(("U", version)) => versioned(base, version, description, Part::Down),
        Some(("B", version)) if is_version(version) => bad(
            "it is a baseline migration of Flyway, which stands for all before it on a new database".to_owned(),
            "move it elsewhere, or make new databases with Flyway and let mainstay go on from there",
        ),
        Some(("R", "")) => Named::Repeatable { description: words(description) },
        _ => Named::Other,
    }
}

/// `V1_2__x.sql` rather than `V1.2__x.sql`.
pub(super) fn is_underscored(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    let version = base.split_once("__").and_then(|(head, _)| head.strip_prefix('V'));
    version.is_some_and(|version| version.contains('_'))
}

fn versioned(base: &str, version: &str, description: &str, part: Part) -> Named {
    if is_version(version) {
        let version = Version::from(version.replace('_', ".").as_str());
        return Named::Migration { version, description: words(description), part };
    }
    match version.starts_with(|c: char| c.is_ascii_digit()) {
        true => bad(
            format!("Flyway leaves `{base}` alone: `{version}` is no version"),
            "call it `V1__what_it_does.sql`, with two `_` behind the number, or move it elsewhere",
        ),
        false => Named::Other,
    }
}

/// Numbers with `.` or `_` between them.
fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split(['.', '_']).all(number)
}

/// `beforeMigrate`, `afterEachMigrate__what`: refused when it would be run while migrating, else left alone.
fn callback(stem: &str) -> Option<Named> {
    let event = stem.split_once("__").map_or(stem, |(event, _)| event);
    let what = ["before", "after"].into_iter().find_map(|prefix| event.strip_prefix(prefix)).unwrap_or(event);
    let of_migrating = MIGRATING.iter().any(|word| what.starts_with(word));
    of_migrating.then(|| {
        bad(
            format!("it is Flyway's callback `{event}`, which mainstay does not run"),
            "make a repeatable migration `R__what.sql` of it, or migrate with Flyway as `command`",
        )
    })
}

fn words(description: &str) -> String {
    let words = description.replace('_', " ");
    match words.chars().count() > DESCRIPTION {
        true => words.chars().take(DESCRIPTION - 3).chain("...".chars()).collect(),
        false => words,
    }
}

fn bad(message: String, hint: &str) -> Named {
    Named::Bad(Problem::Flaw { message, hint: hint.to_owned() })
}
