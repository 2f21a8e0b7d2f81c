//! Databases and other dependencies.

use super::migrations;
use crate::{
    Access, Dependency, Monitor, Target, Wait,
    dsn::{
        Surroundings,
        assemble::{self, Part},
        postgres,
    },
    file::{Entry, Origin, Setting, Table, Written, is_name},
};
use report::Finding;
use retry::{Backoff, Policy};
use std::{path::Path, time::Duration};

/// Names of a database that only reads.
const READERS: [&str; 5] = ["ro", "r", "reader", "replica", "read-only"];

/// Databases first, then the rest, each in the order of the file; what only flags name comes last.
pub(super) fn read(root: &Table<'_>, app: &str, data: &Path) -> Vec<Dependency> {
    let databases = named_databases(root);
    let needs = named_needs(root);
    let databases = databases.into_iter().filter_map(|named| database(root, named, app, data));
    let others = needs.into_iter().filter_map(|named| other(root, named));
    databases.chain(others).collect()
}

/// A dependency by name, with the URL that a flag gives it.
struct Named {
    name: String,
    flag: Option<(&'static str, String)>,
}

fn named_databases(root: &Table<'_>) -> Vec<Named> {
    let flags = &root.context.sources.flags.databases;
    let mut all: Vec<_> = in_file(root.entries("databases"));
    let first = all.first().map_or("main".to_owned(), |named| named.name.clone());
    for (index, text) in flags.iter().enumerate() {
        let fallback = if index == 0 { first.clone() } else { format!("database{}", index + 1) };
        add_flag(&mut all, "--database", text, fallback);
    }
    if all.is_empty() && wants_main(root) {
        all.push(Named { name: "main".to_owned(), flag: None });
    }
    all
}

/// Without `[databases]`: does anything name or need `main`?
fn wants_main(root: &Table<'_>) -> bool {
    if only_named(root) {
        return false;
    }
    let url = root.entry("databases", "main").setting("url").short("MAINSTAY_DATABASE").given();
    if url.is_some_and(|url| !url.text.is_empty()) {
        return true;
    }
    if root.context.sources.file.is_none() {
        return assembled(root, Part::Writer).is_some();
    }
    let taken = ["dependencies", "services"].iter().any(|map| root.entries(map).iter().any(|it| it.name == "main"));
    let needed = |entry: Entry<'_>| entry.table.setting("needs").texts().iter().any(|need| need.text == "main");
    !taken && (migrations::wants_main(root) || root.entries("services").into_iter().any(needed))
}

/// `wait URL…`: what is named is all that is meant, whatever the variables say.
fn only_named(root: &Table<'_>) -> bool {
    let sources = root.context.sources;
    let flags = &sources.flags;
    let works = flags.command.is_some() || flags.dir.is_some() || flags.migrate.is_some();
    sources.file.is_none() && !flags.needs.is_empty() && !works
}

fn named_needs(root: &Table<'_>) -> Vec<Named> {
    let mut all = in_file(root.entries("dependencies"));
    let sources = root.context.sources;
    root.context.know("MAINSTAY_NEEDS".to_owned());
    let variable = root.context.var("MAINSTAY_NEEDS").unwrap_or_default();
    let texts: Vec<(&'static str, &str)> = match sources.flags.needs.is_empty() {
        true => variable.split([',', ' ', '\n']).filter(|it| !it.is_empty()).map(|it| ("MAINSTAY_NEEDS", it)).collect(),
        false => sources.flags.needs.iter().map(|text| ("--need", text.as_str())).collect(),
    };
    for (origin, text) in texts {
        let kind = kind(text).to_owned();
        let taken =
            all.iter().filter(|named| named.name.trim_end_matches(|c: char| c.is_ascii_digit()) == kind).count();
        let fallback = if taken == 0 { kind } else { format!("{kind}{}", taken + 1) };
        add_flag(&mut all, origin, text, fallback);
    }
    all
}

/// What a dependency without a name is called.
fn kind(text: &str) -> &str {
    let scheme = text.split(':').next().unwrap_or_default();
    match scheme.split('+').next().unwrap_or(scheme) {
        _ if postgres::is_conninfo(text) => "postgres",
        "postgres" | "postgresql" | "jdbc" => "postgres",
        "redis" | "rediss" => "redis",
        "http" | "https" => "http",
        known @ ("sqlite" | "tcp" | "unix" | "file" | "exec") => known,
        _ => "need",
    }
}

fn in_file(entries: Vec<Entry<'_>>) -> Vec<Named> {
    let tables = entries.into_iter().filter(|entry| entry.table.is_written());
    tables.map(|entry| Named { name: entry.name, flag: None }).collect()
}

/// `NAME=URL`, or a URL for the `fallback`.
fn add_flag(all: &mut Vec<Named>, origin: &'static str, text: &str, fallback: String) {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if is_name(name) && url.contains(':') => (name.to_owned(), url),
        _ => (fallback, text),
    };
    let flag = Some((origin, url.to_owned()));
    match all.iter_mut().find(|named| named.name == name) {
        Some(named) => named.flag = flag,
        None => all.push(Named { name, flag }),
    }
}

fn database(root: &Table<'_>, named: Named, app: &str, data: &Path) -> Option<Dependency> {
    let table = root.entry("databases", &named.name);
    let access = access(&table, &named.name);
    let target = database_target(root, &table, &named, access).unwrap_or_else(|| {
        Some(Target::Sqlite(data.join(format!("{}.db", if named.name == "main" { app } else { &named.name }))))
    });
    dependency(&table, named.name, target, access, Vec::new())
}

/// The target, if its URL or the variables name one that is good; nothing when they name none.
fn database_target(root: &Table<'_>, table: &Table<'_>, named: &Named, access: Access) -> Option<Option<Target>> {
    let part = if access == Access::ReadOnly { Part::Reader } else { Part::Writer };
    let target = match url_of(table, named, (named.name == "main").then_some("MAINSTAY_DATABASE")) {
        Some(written) => parse(table, &written),
        None => assembled(root, part).map(|(variable, result)| from_variable(root, variable, result))?,
    };
    match target {
        Some(target) if !matches!(target, Target::Postgres(_) | Target::Sqlite(_)) => {
            refuse_kind(table, named, &target);
            Some(None)
        }
        target => Some(target),
    }
}

fn refuse_kind(table: &Table<'_>, named: &Named, target: &Target) {
    let finding = Finding::error(format!("the database `{}` is neither PostgreSQL nor SQLite", named.name))
        .seen(format!("`{target}`"))
        .hint(format!("declare it as `[dependencies.{}]`", named.name));
    table.setting("url").missing(finding);
}

fn other(root: &Table<'_>, named: Named) -> Option<Dependency> {
    let table = root.entry("dependencies", &named.name);
    let access = access(&table, &named.name);
    let target = match url_of(&table, &named, None) {
        Some(written) => parse(&table, &written),
        None => match surrounded(root, assemble::redis).filter(|_| named.name.contains("redis")) {
            Some((variable, result)) => from_variable(root, variable, result),
            None => {
                missing_url(root, &table, &named.name);
                None
            }
        },
    };
    let queues = queues(&table, target.as_ref());
    dependency(&table, named.name, target, access, queues)
}

fn missing_url(root: &Table<'_>, table: &Table<'_>, name: &str) {
    if table.value("url").is_some() && table.setting("url").given().is_none() {
        return; // it is there and cannot be read: that is told already
    }
    let hint = match name.contains("redis") {
        true => "write `url = \"redis://127.0.0.1/0\"`, or set `REDIS_URL` or `REDIS_HOST`",
        false => "write for example `url = \"tcp://127.0.0.1:8080\"`",
    };
    let finding = Finding::error(format!("`url` is missing in {}", table.title())).hint(hint);
    let span = root.entries("dependencies").into_iter().find(|entry| entry.name == name).map(|entry| entry.span);
    root.context.problem_at(finding, span);
}

fn url_of(table: &Table<'_>, named: &Named, short: Option<&'static str>) -> Option<Written> {
    if let Some((flag, url)) = &named.flag {
        return Some(Written { text: url.clone(), origin: Origin::Flag(flag) });
    }
    let setting = table.setting("url");
    let setting = match short {
        Some(short) => setting.short(short),
        None => setting,
    };
    setting.given().filter(|written| !written.text.trim().is_empty())
}

/// The target that a setting names, if it is good.
pub(super) fn parse(table: &Table<'_>, written: &Written) -> Option<Target> {
    let context = table.context;
    let (result, warnings) = with_surroundings(table, |around| Target::parse_in(&written.text, around));
    context.warn_all(warnings);
    match result {
        Ok(target) => Some(target.below(&context.sources.root)),
        Err(error) => {
            context.refuse_target(&written.origin, error);
            None
        }
    }
}

fn from_variable(
    root: &Table<'_>,
    variable: &'static str,
    result: Result<Target, crate::dsn::TargetError>,
) -> Option<Target> {
    let context = root.context;
    match result {
        Ok(target) => Some(target.below(&context.sources.root)),
        Err(error) => {
            context.refuse_target(&Origin::Variable(variable.to_owned()), error);
            None
        }
    }
}

type Assembled = (&'static str, Result<Target, crate::dsn::TargetError>);

fn assembled(root: &Table<'_>, part: Part) -> Option<Assembled> {
    surrounded(root, |around| assemble::database(part, around))
}

fn surrounded(root: &Table<'_>, ask: impl Fn(&Surroundings<'_>) -> Option<Assembled>) -> Option<Assembled> {
    let (found, warnings) = with_surroundings(root, ask);
    root.context.warn_all(warnings);
    found
}

fn with_surroundings<T>(table: &Table<'_>, ask: impl FnOnce(&Surroundings<'_>) -> T) -> (T, Vec<Finding>) {
    let sources = table.context.sources;
    let around = Surroundings {
        env: &table.context.env,
        user: sources.user.as_deref(),
        home: sources.home.as_deref(),
        files: sources.files,
        warnings: Default::default(),
    };
    let result = ask(&around);
    (result, around.warnings.into_inner())
}

fn access(table: &Table<'_>, name: &str) -> Access {
    let flags = &table.context.sources.flags;
    let setting = table.setting("access").flag("--access", &flags.access).short("MAINSTAY_ACCESS");
    if setting.given().is_none() && READERS.contains(&name) {
        return Access::ReadOnly;
    }
    if setting.choice() == Some("read-only") { Access::ReadOnly } else { Access::ReadWrite }
}

/// Everything is read, and its problems told, also when there is no good target.
fn dependency(
    table: &Table<'_>,
    name: String,
    target: Option<Target>,
    access: Access,
    queues: Vec<String>,
) -> Option<Dependency> {
    let required = table.setting("required").bool().unwrap_or(true);
    let (wait, monitor) = (wait(table), monitor(&table.table("monitor")));
    Some(Dependency { name, target: target?, access, required, wait, monitor, queues })
}

fn queues(table: &Table<'_>, target: Option<&Target>) -> Vec<String> {
    let mut queues: Vec<String> = Vec::new();
    for queue in table.setting("queues").texts() {
        if queues.contains(&queue.text) {
            let finding = table.context.error(&queue.origin, &format!("`{}` is named twice", queue.text));
            table.context.problem(finding.hint("remove one of them"));
        }
        queues.push(queue.text);
    }
    if let Some(target) = target.filter(|it| !queues.is_empty() && !matches!(it, Target::Redis(_))) {
        let finding = Finding::error(format!("`queues` in {}: only Redis has queues", table.title()));
        table.setting("queues").missing(finding.seen(format!("`{target}`")).hint("remove `queues`"));
    }
    queues
}

/// With attempts and without a time limit of its own, the attempts alone decide.
fn wait(table: &Table<'_>) -> Wait {
    let flags = &table.context.sources.flags;
    let limit = table.setting("wait").flag("--timeout", &flags.timeout).short("MAINSTAY_TIMEOUT");
    let attempts = table.setting("attempts").flag("--attempts", &flags.attempts).short("MAINSTAY_ATTEMPTS").count();
    let interval = table.setting("interval").flag("--interval", &flags.interval).short("MAINSTAY_INTERVAL").pause();
    let unlimited = attempts.is_some() && limit.given().is_none();
    let backoff = interval.map_or_else(
        || Backoff::doubling(Duration::from_millis(200), Duration::from_secs(5)).with_jitter(0.25),
        Backoff::fixed,
    );
    Wait {
        policy: Policy { backoff, attempts, limit: limit.duration().filter(|_| !unlimited) },
        attempt_timeout: pause(table.setting("attempt_timeout")),
        extend: table.setting("extend").bool().unwrap_or(true),
    }
}

fn monitor(table: &Table<'_>) -> Monitor {
    Monitor { every: pause(table.setting("every")), failures: table.setting("failures").count().unwrap_or(2) }
}

/// A span that is not zero; the problem is reported where it is one.
fn pause(setting: Setting<'_>) -> Duration {
    setting.pause().unwrap_or(Duration::from_secs(60))
}
