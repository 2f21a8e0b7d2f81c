//! What is run to build a release, and what it is asked.

use super::inside;
use crate::{
    BuildStep, Dependencies, Service, Smoke, Target, command,
    file::{Item, Table, Written},
    resolve::health,
    value::reachable,
};
use report::{Finding, or_list};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// A build that takes longer has hung.
const BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const SMOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// `build`: texts and tables in a list.
pub(super) fn build(deploy: &Table<'_>) -> Vec<BuildStep> {
    let step = |item: Item<'_>| match &item.text {
        Some(written) => {
            let argv = command::split(&written.text).map_err(|problem| {
                let finding = item.table.context.error(&written.origin, &problem.summary);
                item.table.context.problem(finding.hint(problem.hint));
            });
            let argv = argv.ok()?;
            Some(BuildStep { argv, dir: PathBuf::new(), env: BTreeMap::new(), timeout: BUILD_TIMEOUT })
        }
        None if item.table.is_written() => {
            if item.table.value("run").is_none() && item.table.setting("run").given().is_none() {
                nothing_to_run(&item.table, item.span.clone());
            }
            one_step(&item.table)
        }
        None => None,
    };
    deploy.items("build").into_iter().filter_map(step).collect()
}

fn one_step(table: &Table<'_>) -> Option<BuildStep> {
    let (dir, timeout) = (inside(&table.setting("in")), table.setting("timeout").pause());
    let env = table.variables("env").into_iter().collect();
    let argv = table.setting("run").command()?;
    Some(BuildStep { argv, dir: dir.unwrap_or_default(), env, timeout: timeout.unwrap_or(BUILD_TIMEOUT) })
}

fn nothing_to_run(table: &Table<'_>, span: std::ops::Range<usize>) {
    let finding = Finding::error(format!("`run` is missing in {}", table.title()));
    let finding = finding.hint("write the command: `{ run = \"make\", in = \"web\" }`");
    table.context.problem(table.context.at(finding, &span));
}

/// `[deploy.dependencies]`
pub(super) fn dependencies(deploy: &Table<'_>) -> Option<Dependencies> {
    let table = deploy.table("dependencies");
    if table.is_written() && table.value("run").is_none() && table.setting("run").given().is_none() {
        nothing_to_run(&table, deploy.span("dependencies").unwrap_or_default());
    }
    let (lock, paths) = (paths(&table, "lock"), paths(&table, "paths"));
    Some(Dependencies { step: one_step(&table)?, lock, paths })
}

fn paths(table: &Table<'_>, name: &str) -> Vec<PathBuf> {
    let setting = table.setting(name);
    let path = |written: Written| {
        let path = super::tidy(&written.text).filter(|path| !path.as_os_str().is_empty());
        if path.is_none() {
            setting.refuse(&written, &format!("`{}` is not within the tree", written.text), super::IN_TREE);
        }
        path
    };
    setting.texts().into_iter().filter_map(path).collect()
}

/// `smoke`: tables in a list.
pub(super) fn smoke(deploy: &Table<'_>, services: &[Service]) -> Vec<Smoke> {
    deploy.items("smoke").into_iter().filter_map(|item| question(&item, services)).collect()
}

fn question(item: &Item<'_>, services: &[Service]) -> Option<Smoke> {
    let table = &item.table;
    if !table.is_written() {
        return None;
    }
    let given = |kind: &&str| table.value(kind).is_some() || table.setting(kind).given().is_some();
    let asked: Vec<_> = ["http", "tcp", "command"].into_iter().filter(given).collect();
    let [kind] = asked[..] else {
        let finding = Finding::error(match asked.len() {
            0 => format!("{} does not say what is asked", table.title()),
            _ => format!("{} asks {} at once", table.title(), asked.join(" and ")),
        });
        let finding = finding.hint("write exactly one of `http`, `tcp`, `command`");
        table.context.problem(table.context.at(finding, &item.span));
        return None;
    };
    let door = door(table, services)?;
    let path = table.setting("http").text().filter(|text| kind == "http" && text.starts_with('/'));
    let target = match kind {
        "http" => health::http(table, &table.setting("http").written()?, door.and_then(address), port(table))?,
        "tcp" => {
            let address = reachable(table.setting("tcp").address()?);
            Target::Tcp { host: address.ip().to_string(), port: address.port() }
        }
        _ => Target::Command(table.setting("command").command()?),
    };
    Some(Smoke {
        service: door.filter(|_| path.is_some()).map(|it| it.name.clone()),
        path,
        target,
        contains: table.setting("contains").text(),
        timeout: table.setting("timeout").pause().unwrap_or(SMOKE_TIMEOUT),
    })
}

fn port<'a>(table: &Table<'a>) -> Option<&'a str> {
    table.context.var("PORT")
}

/// Of a port of its own, one that is put right when it is known.
fn address(service: &Service) -> Option<SocketAddr> {
    service.listen.or(service.port.map(|port| (Ipv4Addr::LOCALHOST, port).into()))
}

/// The service that is named, else the first one that has an address; nothing at all when the name is wrong.
fn door<'s>(table: &Table<'_>, services: &'s [Service]) -> Option<Option<&'s Service>> {
    let setting = table.setting("service");
    let Some(written) = setting.written() else { return Some(services.iter().find(|it| address(it).is_some())) };
    let found = services.iter().find(|it| it.name == written.text);
    // Where a role is chosen, the services of others are not known.
    if found.is_none() && !services.is_empty() {
        let hint = format!("there is {}", or_list(services.iter().map(|it| &it.name)));
        setting.refuse(&written, &format!("there is no service `{}`", written.text), hint);
        return None;
    }
    Some(found)
}
