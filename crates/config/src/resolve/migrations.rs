//! Migrations.

use crate::{
    Access, Dependency, MigrationPolicies, MigrationSource, Migrations, OnFailure, Target, Tolerance,
    file::{Origin, Setting, Table, Written},
    suggest::did_you_mean,
};
use report::{Finding, or_list};
use retry::{Backoff, Policy};
use std::time::Duration;

/// The migrations of the file, of the variables or of the flags; they need a database to belong to.
pub(super) fn read(root: &Table<'_>, dependencies: &[Dependency], whole: OnFailure) -> Option<Migrations> {
    let table = root.table("migrations");
    let source = source(root, &table);
    let database = database(root, &table, dependencies, source.is_some());
    let (policy, lock_timeout, on_failure) = (policy(&table), lock_timeout(&table), on_failure(&table, whole));
    let seeds = table.setting("seeds").given().map(|dir| root.context.sources.root.join(dir.text));
    let statement_timeout = table.setting("statement_timeout").duration();
    let lock_budget = table.setting("lock_budget").duration().unwrap_or(Duration::from_secs(60));
    let flags = &root.context.sources.flags;
    Some(Migrations {
        database: database?,
        source: source?,
        policy,
        lock_timeout,
        on_failure,
        style: table.setting("style").flag("--style", &flags.style).choice().map(str::to_owned),
        table: table.setting("table").flag("--table", &flags.table).text(),
        seeds,
        policies: policies(&table),
        direct: direct(&table),
        statement_timeout,
        lock_budget,
        lint_exclude: texts(&table, "lint_exclude"),
        lint_include: texts(&table, "lint_include"),
    })
}

fn texts(table: &Table<'_>, key: &'static str) -> Vec<String> {
    table.setting(key).texts().into_iter().map(|written| written.text).collect()
}

fn policies(table: &Table<'_>) -> MigrationPolicies {
    let flags = &table.context.sources.flags;
    let tolerance = |setting: Setting<'_>| match setting.choice() {
        Some("allow") => Tolerance::Allow,
        _ => Tolerance::Refuse,
    };
    MigrationPolicies {
        out_of_order: tolerance(table.setting("out_of_order").flag("--out-of-order", &flags.out_of_order)),
        missing: tolerance(table.setting("missing").flag("--allow-missing", &flags.missing)),
        changed: tolerance(table.setting("changed").flag("--allow-changed", &flags.changed)),
        newer: tolerance(table.setting("newer").flag("--allow-newer", &flags.newer)),
        strict: table.setting("strict").bool().unwrap_or(false),
    }
}

/// The server behind a pooler: `direct_url`, or the variable that platforms set.
fn direct(table: &Table<'_>) -> Option<Target> {
    let written = table.setting("direct_url").short("DATABASE_URL_DIRECT").given()?;
    super::dependencies::parse(table, &written)
}

/// Are there migrations that belong to `main`?
pub(super) fn wants_main(root: &Table<'_>) -> bool {
    let table = root.table("migrations");
    let (dir, command) = (dir(&table), command(&table));
    let database = table.setting("database").text();
    let wanted = table.is_written() || dir.given().is_some() || command.given().is_some();
    wanted && database.is_none_or(|name| name == "main")
}

fn dir<'a>(table: &Table<'a>) -> Setting<'a> {
    table.setting("dir").flag("--dir", &table.context.sources.flags.dir)
}

fn command<'a>(table: &Table<'a>) -> Setting<'a> {
    table.setting("command").flag("--migrate", &table.context.sources.flags.migrate).short("MAINSTAY_MIGRATE")
}

/// Either a directory or a command: the higher layer wins, within one layer there must be only one.
fn source(root: &Table<'_>, table: &Table<'_>) -> Option<MigrationSource> {
    let (dir, command) = (dir(table), command(table));
    let command_list = table.span("command").map(|span| table.origin_of("command", span));
    let command_origin = command.given().map(|it| it.origin).or(command_list);
    match (dir.given(), command_origin) {
        (None, None) if !table.is_written() => None,
        (None, None) => {
            let finding = Finding::error("`[migrations]` names neither `dir` nor `command`");
            let finding = finding.hint("write `dir = \"migrations\"` or `command = \"alembic upgrade head\"`");
            root.context.problem_at(finding, root.span("migrations"));
            None
        }
        (Some(dir), Some(origin)) if layer(&dir.origin) == layer(&origin) => {
            let finding = root.context.error(&origin, "there is `dir` as well, and only one of them can be meant");
            root.context.problem(finding.hint("remove `dir` or `command`"));
            None
        }
        (Some(dir), origin) if origin.as_ref().is_none_or(|it| layer(&dir.origin) < layer(it)) => {
            Some(MigrationSource::Directory(root.context.sources.root.join(dir.text)))
        }
        _ => command.command().map(MigrationSource::Command),
    }
}

/// Lower is stronger.
fn layer(origin: &Origin) -> u8 {
    match origin {
        Origin::Flag(_) => 0,
        Origin::Variable(_) => 1,
        Origin::File(..) => 2,
        Origin::Default => 3,
    }
}

fn database(root: &Table<'_>, table: &Table<'_>, dependencies: &[Dependency], wanted: bool) -> Option<String> {
    let setting = table.setting("database");
    let databases: Vec<_> =
        dependencies.iter().filter(|it| matches!(it.target, Target::Postgres(_) | Target::Sqlite(_))).collect();
    let Some(written) = setting.given() else {
        return match databases.iter().find(|it| it.access == Access::ReadWrite).or(databases.first()) {
            Some(database) => Some(database.name.clone()),
            None if wanted && root.entries("databases").is_empty() => {
                let finding = Finding::error("there are migrations, but no database to apply them to");
                let hint = "name it: `--database URL`, `DATABASE_URL`, `PGHOST` or `DB_HOST`";
                root.context.problem(finding.hint(hint));
                None
            }
            None => None,
        };
    };
    match databases.iter().find(|it| it.name == written.text) {
        Some(database) if database.access == Access::ReadOnly => {
            setting.refuse(
                &written,
                &format!("`{}` is only read from", written.text),
                "migrations need `access = \"read-write\"`",
            );
            None
        }
        Some(database) => Some(database.name.clone()),
        None => {
            refuse_unknown(root, &setting, &written, &databases);
            None
        }
    }
}

fn refuse_unknown(root: &Table<'_>, setting: &Setting<'_>, written: &Written, databases: &[&Dependency]) {
    let declared = root.entries("databases");
    if declared.iter().any(|entry| entry.name == written.text) {
        return; // its own problem is reported already
    }
    let names: Vec<_> = databases.iter().map(|it| it.name.as_str()).collect();
    let hint = did_you_mean(&written.text, names.iter().copied()).unwrap_or(match names.is_empty() {
        true => format!("declare it as `[databases.{}]`", written.text),
        false => format!("write {}", or_list(names)),
    });
    setting.refuse(written, &format!("there is no database `{}`", written.text), hint);
}

/// S0.3: 20 attempts, 3 s apart. S3.1: 6 attempts after 2, 4, 8, 16, 32, 64 s.
fn policy(table: &Table<'_>) -> Policy {
    let flags = &table.context.sources.flags;
    let exponential = table.setting("backoff").choice() == Some("exponential");
    let attempts = table.setting("attempts").flag("--attempts", &flags.migrate_attempts).count();
    let interval = table.setting("interval").flag("--interval", &flags.migrate_interval).pause();
    let max = table.setting("max_interval").pause().unwrap_or(Duration::from_secs(64));
    let (attempts, backoff) = match exponential {
        true => (attempts.unwrap_or(6), Backoff::doubling(interval.unwrap_or(Duration::from_secs(2)), max)),
        false => (attempts.unwrap_or(20), Backoff::fixed(interval.unwrap_or(Duration::from_secs(3)))),
    };
    Policy { backoff, attempts: Some(attempts), limit: None }
}

fn lock_timeout(table: &Table<'_>) -> Duration {
    table.setting("lock_timeout").duration().unwrap_or(Duration::from_secs(600))
}

/// Of the whole application, or of its migrations; `default` when it says nothing.
pub(super) fn on_failure(table: &Table<'_>, default: OnFailure) -> OnFailure {
    let flags = &table.context.sources.flags;
    match table.setting("on_failure").flag("--degraded", &flags.on_failure).choice() {
        Some("degrade" | "degraded") => OnFailure::Degrade,
        Some(_) => OnFailure::Stop,
        None => default,
    }
}
