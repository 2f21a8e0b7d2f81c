//! From what was written to what is meant.

mod addresses;
mod backup;
mod dependencies;
mod deploy;
mod environment;
mod graph;
mod health;
mod journal;
mod logs;
mod migrations;
mod names;
mod proxy;
mod schedule;
mod services;
#[cfg(test)]
mod tests;

pub use backup::{BACKUP_COMMAND, VACUUM_COMMAND};
pub use names::from_directory as name_of_directory;

use crate::{
    App, EnvContract, OnFailure, Sources,
    file::{Context, Table, check},
    interpolate::interpolate,
};
use report::Finding;
use std::collections::BTreeMap;
use toml::{Spanned, de::DeTable};

/// A complete application, and what the operator should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What is meant.
    pub app: App,
    /// Works now, may not for long: deprecated names, open file modes, unknown variables.
    pub warnings: Vec<Finding>,
}

/// Reads all layers, flag > environment > file > default, and returns the application they describe together, or
/// *all* problems, each with its place and what to do.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, Vec<Finding>> {
    let mut context = Context::new(sources);
    let document = parse(&context)?;
    let document = document.as_ref().map(Spanned::get_ref);
    if let Some(document) = document {
        check(&context, document);
    }
    let contract = environment::complete(&mut context, document);
    let app = app(&Table::root(&context, document), contract);
    names::warn_of_unknown_variables(&context);
    let warnings = context.verdict()?;
    Ok(Resolved { app, warnings })
}

/// What the file declares of the environment, and the environment as it completes it. Nothing else of the file has to
/// be right, so that whoever sets an application up can ask for its variables before any of them is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The declared variables.
    pub contract: EnvContract,
    /// As [`App::env`], without what services are told of their dependencies.
    pub env: BTreeMap<String, String>,
}

/// Reads the contract alone. What the environment lacks is no problem here: [`crate::env_check`] tells it.
pub fn declared(sources: &Sources<'_>) -> Result<Declared, Vec<Finding>> {
    let sources = Sources { lenient: true, ..sources.clone() };
    let mut context = Context::new(&sources);
    let document = parse(&context)?;
    let document = document.as_ref().map(Spanned::get_ref);
    if let Some(document) = document {
        check(&context, document);
    }
    let contract = environment::complete(&mut context, document);
    context.verdict()?;
    Ok(Declared { contract, env: context.env })
}

/// What the files of variables say that `sources` names, without the process's environment: what is kept with a release. One that is
/// named and not there is left out.
///
/// # Errors
/// All problems of the files, and of the list of their names.
pub fn variables_of_files(sources: &Sources<'_>) -> Result<BTreeMap<String, String>, Vec<Finding>> {
    let context = Context::new(sources);
    let document = parse(&context)?;
    let values = environment::of_files(&context, document.as_ref().map(Spanned::get_ref), environment::Missing::Fine);
    context.verdict()?;
    Ok(values.into_iter().map(|(name, (value, _))| (name, value)).collect())
}

/// The file as TOML; one problem for each line that is none.
fn parse<'a>(context: &Context<'a>) -> Result<Option<Spanned<DeTable<'a>>>, Vec<Finding>> {
    let Some(file) = &context.sources.file else { return Ok(None) };
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let finding = Finding::error(format!("`{}` is not TOML: {}", file.name, error.message().replace('\n', ", ")));
        context.problem_at(finding, error.span());
    }
    let problems = context.verdict().err().unwrap_or_default();
    if problems.is_empty() { Ok(Some(document)) } else { Err(one_per_line(problems)) }
}

/// A broken line often breaks the parser's idea of what follows in it: the first problem of a line is enough.
fn one_per_line(mut problems: Vec<Finding>) -> Vec<Finding> {
    problems.dedup_by_key(|problem| problem.place.as_ref().map(|place| place.line));
    problems
}

/// The `data` of a file that is wrong elsewhere, as far as it can be told: what runs by an earlier text of it is found there.
/// `lookup` knows the variables that are not in the file.
pub fn data_of_invalid<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    // What stands before the first section is read line by line: the rest may be no TOML at all.
    let top = text.lines().map(str::trim).take_while(|line| !line.starts_with('['));
    let table = top.filter_map(|line| line.parse::<toml::Table>().ok()).find(|table| table.contains_key("data"))?;
    interpolate(table.get("data")?.as_str()?, lookup).ok()
}

fn app(root: &Table<'_>, contract: EnvContract) -> App {
    let (context, sources) = (root.context, root.context.sources);
    let name = names::application(root);
    let stated = root.setting("data").flag("--data", &sources.flags.data);
    let keeps_data = sources.file.is_some() || stated.given().is_some();
    let data = sources.root.join(stated.text().unwrap_or_default());
    names::refuse_ambiguous(root);
    let dependencies = dependencies::read(root, &name, &data);
    let on_failure = migrations::on_failure(root, OnFailure::Stop);
    let migrations = migrations::read(root, &dependencies, on_failure);
    let services = services::read(root, &dependencies);
    let backup = backup::read(root, &dependencies, &data);
    let mut jobs = schedule::read(root, &dependencies);
    jobs.extend(backup::job(root, &backup));
    jobs.extend(backup::vacuum(root, &backup, &dependencies));
    let failsafe = root.setting("failsafe").bool().unwrap_or(false);
    let health = health::read(root, &services.chosen);
    let logs = logs::read(root, &data);
    let journal = journal::read(root);
    let proxy = proxy::read(root, &services.chosen);
    let deploy = deploy::read(root, &services.chosen, &health);
    App {
        name,
        root: sources.root.clone(),
        data,
        keeps_data,
        contract,
        env: schedule::told(addresses::told(of_children(&context.env), &dependencies), failsafe),
        dependencies,
        on_failure,
        migrations,
        services: services.chosen,
        jobs,
        scheduler: root.setting("scheduler").bool().unwrap_or(true),
        failsafe,
        health,
        logs,
        backup,
        journal,
        proxy,
        deploy,
        roles: services.roles,
    }
}

/// What is said to mainstay itself: what it starts must not take it for its own (sd_notify(3), sd_watchdog_enabled(3)).
const SAID_TO_US: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

fn of_children(env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut env = env.clone();
    SAID_TO_US.iter().for_each(|name| drop(env.remove(*name)));
    env
}
