//! How releases are made and brought live.

mod steps;
mod webhook;

use super::schedule::url;
use crate::{BackupWhen, Deploy, Driver, Health, Repository, Service, file::Setting, file::Table, is_branch};
use report::Finding;
use std::{
    path::{Component, Path, PathBuf},
    time::Duration,
};

/// The section `[deploy]`; nothing when it is not there.
pub(super) fn read(root: &Table<'_>, services: &[Service], health: &Health) -> Option<Deploy> {
    let table = root.table("deploy");
    // What the variables say of a section that is not there is read all the same, so that their slips are told.
    let deploy = section(&table, services, health);
    table.is_written().then_some(deploy)
}

fn section(table: &Table<'_>, services: &[Service], health: &Health) -> Deploy {
    let usual = Deploy::default();
    let span = |name, usual: Duration| table.setting(name).duration().unwrap_or(usual);
    let ping = table.table("ping");
    let branch = branch(&table.setting("branch")).unwrap_or(usual.branch);
    Deploy {
        repository: repository(table),
        keep: table.setting("keep").count().unwrap_or(usual.keep),
        webhook: webhook::read(table, &branch, services, health),
        ping_success: url(&ping, "success"),
        ping_failure: url(&ping, "failure"),
        branch,
        file: inside(&table.setting("file")),
        build: steps::build(table),
        dependencies: steps::dependencies(table),
        shared: shared(table),
        smoke: steps::smoke(table, services),
        watch: span("watch", usual.watch),
        drain: span("drain", usual.drain),
        driver: driver(table),
        backup: match table.setting("backup").choice() {
            Some("always") => BackupWhen::Always,
            Some("never") => BackupWhen::Never,
            _ => BackupWhen::Pending,
        },
        errors: table.setting("errors").whole(),
    }
}

fn repository(table: &Table<'_>) -> Option<Repository> {
    let setting = table.setting("repository");
    let written = setting.written()?;
    match Repository::parse(&written.text, &table.context.sources.root) {
        Ok(repository) => Some(repository),
        Err(problem) => {
            setting.refuse(&written, &problem, "write a path, `https://…`, `ssh://…` or `user@host:path`");
            None
        }
    }
}

fn branch(setting: &Setting<'_>) -> Option<String> {
    let written = setting.written().filter(|written| !written.text.is_empty())?;
    if !is_branch(&written.text) {
        let summary = format!("`{}` cannot be the name of a branch", written.text);
        setting.refuse(&written, &summary, "write the short name, such as `main`");
        return None;
    }
    Some(written.text)
}

/// A path that stays within the tree.
fn inside(setting: &Setting<'_>) -> Option<PathBuf> {
    let written = setting.written().filter(|written| !written.text.is_empty())?;
    let path = tidy(&written.text);
    if path.is_none() {
        setting.refuse(&written, &format!("`{}` is not within the tree", written.text), IN_TREE);
    }
    path
}

const IN_TREE: &str = "write a relative path without `..`";

/// Relative, without `.` and `..`; nothing for any other.
fn tidy(text: &str) -> Option<PathBuf> {
    let mut tidy = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(name) => tidy.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(tidy)
}

/// Paths within the tree, each once and none below another.
fn shared(table: &Table<'_>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let setting = table.setting("shared");
    for written in setting.texts() {
        let Some(path) = tidy(&written.text).filter(|path| *path != Path::new("") && !path.starts_with(".git")) else {
            setting.refuse(&written, &format!("`{}` is not a path within the tree", written.text), IN_TREE);
            continue;
        };
        match paths.iter().find(|other| path.starts_with(other) || other.starts_with(&path)) {
            Some(other) => {
                let summary = format!("`{}` and `{}` lie within each other", other.display(), path.display());
                setting.refuse(&written, &summary, "name the outer one alone");
            }
            None => paths.push(path),
        }
    }
    paths
}

fn driver(table: &Table<'_>) -> Driver {
    let (setting, units) = (table.setting("driver"), table.setting("units"));
    let named: Vec<_> = units.texts().into_iter().collect();
    match setting.choice() {
        Some("systemd") => {
            if named.is_empty() {
                let finding = Finding::error("`driver = \"systemd\"` needs `units`");
                setting.missing(finding.hint("name the units that are restarted: `units = [\"shop-web.service\"]`"));
            }
            for wrong in named.iter().filter(|unit| unit.text.starts_with('-') || unit.text.contains('/')) {
                units.refuse(wrong, &format!("`{}` is no name of a unit", wrong.text), "write `shop-web.service`");
            }
            Driver::Systemd { units: named.into_iter().map(|unit| unit.text).collect() }
        }
        chosen => {
            if let Some(first) = named.first() {
                units.refuse(first, "only systemd has units", "write `driver = \"systemd\"`, or remove them");
            }
            if chosen == Some("compose") { Driver::Compose } else { Driver::Mainstay }
        }
    }
}
