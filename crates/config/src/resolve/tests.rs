//! No key of the table may be idle: each changes the application, from the file as from its variable.

use crate::{
    App, FileMap, Sources, TextFile,
    file::{Key, Kind, Section, keys, variable_name},
    resolve,
};
use std::collections::BTreeMap;

/// A configuration in which every section is there. Its tables in order, each with its keys.
fn base() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    vec![
        ("", vec![]),
        ("env.DECLARED", vec![]),
        ("databases.other", vec![("url", "'postgres://bot@other/app'")]),
        ("databases.main", vec![("url", "'sqlite:main.db'")]),
        ("databases.main.monitor", vec![]),
        ("dependencies.cache", vec![("url", "'redis://cache'")]),
        ("dependencies.redis", vec![("url", "'redis://redis'")]),
        ("dependencies.redis.monitor", vec![]),
        ("migrations", vec![("dir", "'sql'")]),
        ("services.api", vec![("command", "'api'")]),
        ("services.web", vec![("command", "'web'"), ("listen", "'127.0.0.1:80'")]),
        ("services.web.health", vec![("http", "'/up'")]),
        ("services.web.restart", vec![]),
        ("services.web.stop", vec![]),
        ("services.web.limits", vec![]),
        ("schedule.job", vec![("command", "'job'"), ("cron", "'0 4 * * *'")]),
        ("schedule.job.ping", vec![]),
        ("schedule.job.stop", vec![]),
        ("health", vec![("listen", "81")]),
        ("logs", vec![]),
        ("journal", vec![]),
        ("backup", vec![]),
    ]
}

/// Only there to be named by the rest.
const OTHERS: [&str; 3] = ["databases.other", "dependencies.cache", "services.api"];

/// The base with one key added. What cannot stand beside it is taken away.
fn with_key(section: &str, key: &str, value: &str) -> String {
    let mut base = base();
    match (section, key) {
        ("services.web", "health" | "restart") => base.retain(|(name, _)| *name != format!("services.web.{key}")),
        ("services.web", "port") => {
            base.iter_mut()
                .filter(|(name, _)| *name == section)
                .for_each(|(_, keys)| keys.retain(|it| it.0 != "listen"));
        }
        ("services.web.health", "tcp" | "unix" | "file" | "command" | "log" | "notify" | "watchdog") => {
            base.iter_mut().filter(|(name, _)| *name == section).for_each(|(_, keys)| keys.clear());
        }
        ("schedule.job", "every") => {
            base.iter_mut().filter(|(name, _)| *name == section).for_each(|(_, keys)| keys.retain(|it| it.0 != "cron"));
        }
        ("schedule.job", "ping" | "stop") => base.retain(|(name, _)| *name != format!("schedule.job.{key}")),
        ("migrations", "command") => {
            base.iter_mut().filter(|(name, _)| *name == section).for_each(|(_, keys)| keys.clear());
        }
        _ => {}
    }
    let mut text = String::new();
    for (name, keys) in base {
        if !name.is_empty() {
            text.push_str(&format!("[{name}]\n"));
        }
        for (other, value) in keys.iter().filter(|(other, _)| (name, *other) != (section, key)) {
            text.push_str(&format!("{other} = {value}\n"));
        }
        if (name, key) == (section, "max_interval") {
            text.push_str("backoff = 'exponential'\n");
        }
        if (name, key) == ("services.web", "single") {
            text.push_str("handover = 'exclusive'\n");
        }
        if (name, key) == ("backup", "s3") {
            text.push_str("to = 's3://shop/live'\n");
        }
        if (name, key) == ("services.web.health", "watchdog") {
            text.push_str("notify = true\n");
        }
        if name == section && !value.is_empty() {
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    text
}

fn app(text: &str, variable: Option<(&str, &str)>) -> App {
    let mut env = BTreeMap::from([("DECLARED".to_owned(), "0123456789".to_owned())]);
    env.extend(variable.map(|(name, value)| (name.to_owned(), value.to_owned())));
    env.insert("DATABASE_URL".into(), "postgres://bot@db/app".into());
    // The example of where copies go names a bucket.
    env.extend(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name.to_owned(), "k".to_owned())));
    let files = FileMap::default().with("/srv/app/.env", "A=1").with("/srv/app/.env.prod", "A=2");
    let mut sources = Sources::new("/srv/app", &env, &files);
    sources.file = Some(TextFile { name: "mainstay.toml".into(), text: text.into(), mode: 0o644 });
    match resolve(&sources) {
        Ok(mut resolved) => {
            resolved.app.env.retain(|name, _| !name.starts_with("MAINSTAY_"));
            resolved.app
        }
        Err(problems) => panic!("{text}\n{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// What a variable has to hold to say the same as the file's `example`.
fn as_variable(example: &str) -> String {
    let table: toml::Table = toml::from_str(&format!("it = {example}")).unwrap();
    match &table["it"] {
        toml::Value::String(text) => text.replace("${DATABASE_URL}", "postgres://bot@db/app"),
        toml::Value::Array(items) => items.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(","),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        _ => String::new(),
    }
}

fn check_key(section: &'static str, key: &Key) {
    let without = match key.name {
        "max_interval" | "single" | "watchdog" | "s3" => app(&with_key(section, key.name, ""), None),
        _ => app(&with_key("none", "", ""), None),
    };
    let with = app(&with_key(section, key.name, key.example), None);
    assert!(with != without, "`{}` in `[{section}]` changes nothing", key.name);
    if key.kind.is_scalar() && !section.starts_with("env.") {
        let name = variable_name(&format!("{section}.{}", key.name).trim_start_matches('.').replace("..", "."));
        let by_variable = app(&with_key(section, key.name, ""), Some((&name, &as_variable(key.example))));
        assert!(by_variable == with, "`{name}` does not do what `{}` in `[{section}]` does", key.name);
    }
}

/// The example of `encrypt` shows keys in part, which are refused.
fn keys_with_examples(section: &'static Section) -> impl Iterator<Item = &'static Key> {
    section.keys.iter().filter(|key| !key.example.is_empty() && key.name != "encrypt")
}

/// The section of the table that stands under `path` in the base.
fn section_at(path: &str) -> &'static Section {
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    let mut section = &keys::ROOT;
    while let Some(step) = steps.next() {
        section = match section.key(step).unwrap().kind {
            Kind::Table(keys) | Kind::Either(keys, _) => keys,
            Kind::Map(keys) | Kind::Contract(keys) => steps.next().map(|_name| keys).unwrap(),
            kind => panic!("`{path}`: {kind:?}"),
        };
    }
    section
}

#[test]
fn each_key_changes_the_application_and_its_variable_does_the_same() {
    let is_in_base = |section: &str, key: &str| {
        base().iter().any(|(name, keys)| *name == section && keys.iter().any(|(name, _)| *name == key))
    };
    for (section, _) in base().into_iter().filter(|(name, _)| !OTHERS.contains(name)) {
        for key in keys_with_examples(section_at(section)) {
            match is_in_base(section, key.name) {
                true => check_replaced(section, key),
                false => check_key(section, key),
            }
        }
    }
}

/// A key that the base already has: its example must make a difference to the base, and so must its variable.
fn check_replaced(section: &'static str, key: &Key) {
    let (base, with) = (app(&with_key("none", "", ""), None), app(&with_key(section, key.name, key.example), None));
    assert!(with != base, "`{}` in `[{section}]` changes nothing", key.name);
    let name = variable_name(&format!("{section}.{}", key.name));
    let by_variable = app(&with_key("none", "", ""), Some((&name, &as_variable(key.example))));
    assert!(by_variable == with, "`{name}` does not do what `{}` in `[{section}]` does", key.name);
}

#[test]
fn every_scalar_key_has_an_example_that_is_not_its_default() {
    fn walk(section: &'static Section) {
        for key in section.keys {
            match key.kind {
                Kind::Table(keys) | Kind::List(keys, _) | Kind::Map(keys) | Kind::Contract(keys) => walk(keys),
                Kind::Variables => {}
                _ => assert!(!key.example.is_empty() && as_variable(key.example) != key.default, "{}", key.name),
            }
        }
    }
    walk(&keys::ROOT);
}
