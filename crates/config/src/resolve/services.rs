//! Services.

use super::{graph, health};
use crate::{
    Dependency, Handover, Limits, Restart, RestartWhen, Service, Stop, command,
    file::{Kind, Origin, Table, Written, keys},
    suggest::did_you_mean,
};
use report::{Finding, or_list};
use retry::Backoff;
use std::{ops::Range, time::Duration};

/// The name of the service that `run -- CMD` makes.
const COMMAND: &str = "app";

/// The services of the chosen role, and all roles.
pub(super) struct Services {
    pub(super) chosen: Vec<Service>,
    pub(super) roles: Vec<String>,
}

/// A service with what is needed to order and choose it.
struct Read {
    service: Service,
    roles: Vec<String>,
    enabled: bool,
    span: Option<Range<usize>>,
}

/// Reads all services, orders them by their needs, and chooses those of the role.
pub(super) fn read(root: &Table<'_>, dependencies: &[Dependency]) -> Services {
    let all = match from_command(root, dependencies) {
        Some(service) => vec![service],
        None => from_file(root, dependencies),
    };
    let mut roles = Vec::new();
    let of_jobs = super::schedule::roles(root);
    for role in all.iter().flat_map(|it| &it.roles).chain(&of_jobs) {
        if !roles.contains(role) {
            roles.push(role.clone());
        }
    }
    let ordered = in_order(root, all);
    Services { chosen: chosen(root, ordered, &roles), roles }
}

/// `run -- CMD` needs everything that is waited for. It ends when it ends, unless told otherwise: its exit code is passed
/// on.
fn from_command(root: &Table<'_>, dependencies: &[Dependency]) -> Option<Read> {
    let (context, flags) = (root.context, &root.context.sources.flags);
    context.know("MAINSTAY_COMMAND".to_owned());
    let (result, origin) = match (&flags.command, context.var("MAINSTAY_COMMAND")) {
        (Some(words), _) => (command::check(words.clone()), Origin::Flag("--")),
        (None, Some(text)) => (command::split(text), Origin::Variable("MAINSTAY_COMMAND".to_owned())),
        (None, None) => return None,
    };
    let argv = result.unwrap_or_else(|problem| {
        context.problem(context.error(&origin, &problem.summary).hint(problem.hint));
        Vec::new()
    });
    let table = root.entry("services", COMMAND);
    let needs = dependencies.iter().map(|it| it.name.clone()).collect();
    let service = service(&table, COMMAND.to_owned(), argv, needs, Vec::new(), Some(RestartWhen::Never));
    Some(Read { service, roles: vec![COMMAND.to_owned()], enabled: true, span: None })
}

fn from_file(root: &Table<'_>, dependencies: &[Dependency]) -> Vec<Read> {
    let entries = root.entries("services");
    let names: Vec<_> = entries.iter().map(|entry| entry.name.clone()).collect();
    let (all, dependencies) = (dependencies, names_of_dependencies(root, dependencies));
    let read = |entry: crate::file::Entry<'_>| {
        let table = &entry.table;
        let argv = command_of(table, &entry.span);
        let (needs, after) = needs(table, &dependencies, &names);
        let mut roles: Vec<_> = table.setting("roles").texts().into_iter().map(|role| role.text).collect();
        if roles.is_empty() {
            roles.push(entry.name.clone());
        }
        let mut service = service(table, entry.name, argv, needs, after, None);
        service.single = single(table, &service, all);
        let enabled = table.setting("enabled").bool().unwrap_or(true);
        Read { service, roles, enabled, span: Some(entry.span) }
    };
    entries.into_iter().filter(|entry| entry.table.is_written()).map(read).collect()
}

pub(super) fn command_of(table: &Table<'_>, span: &Range<usize>) -> Vec<String> {
    let setting = table.setting("command");
    if table.value("command").is_none() && setting.given().is_none() {
        let finding = Finding::error(format!("`command` is missing in {}", table.title()));
        let finding = finding.hint("write what is to be run: `command = \"uvicorn app:app\"`");
        table.context.problem(table.context.at(finding, span));
    }
    setting.command().unwrap_or_default()
}

/// `needs`, split into dependencies and services.
fn needs(table: &Table<'_>, dependencies: &[String], services: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut needs, mut after) = (Vec::new(), Vec::new());
    for written in table.setting("needs").texts() {
        let name = &written.text;
        let list = match services.contains(name) {
            true => &mut after,
            false if dependencies.contains(name) => &mut needs,
            false => {
                refuse_unknown(table, &written, dependencies, services);
                continue;
            }
        };
        if list.contains(name) {
            let finding = table.context.error(&written.origin, &format!("`{name}` is named twice"));
            table.context.problem(finding.hint("remove one of them"));
        } else {
            list.push(name.clone());
        }
    }
    (needs, after)
}

/// Names of databases and dependencies, also of those whose own problem is told already.
pub(super) fn names_of_dependencies(root: &Table<'_>, dependencies: &[Dependency]) -> Vec<String> {
    let mut names: Vec<_> = dependencies.iter().map(|it| it.name.clone()).collect();
    for entry in ["databases", "dependencies"].iter().flat_map(|map| root.entries(map)) {
        if !names.contains(&entry.name) {
            names.push(entry.name);
        }
    }
    names
}

fn refuse_unknown(table: &Table<'_>, written: &Written, dependencies: &[String], services: &[String]) {
    let known: Vec<_> = dependencies.iter().chain(services).map(String::as_str).collect();
    let hint = did_you_mean(&written.text, known.iter().copied()).unwrap_or(format!("known are {}", or_list(known)));
    let summary = format!("there is no database, dependency or service `{}`", written.text);
    table.context.problem(table.context.error(&written.origin, &summary).hint(hint));
}

fn service(
    table: &Table<'_>,
    name: String,
    argv: Vec<String>,
    needs: Vec<String>,
    after: Vec<String>,
    restart_when: Option<RestartWhen>,
) -> Service {
    let (context, flags) = (table.context, &table.context.sources.flags);
    let env: std::collections::BTreeMap<_, _> = table.variables("env").into_iter().collect();
    let listen = table.setting("listen").address();
    let own = own_port(table);
    let port = env.get("PORT").map(String::as_str).or(context.var("PORT"));
    let nobody = None;
    let from_flags = restart_when.is_some();
    Service {
        health: health::check(table, listen.or(own.map(local)), port, if from_flags { &flags.health } else { &nobody }),
        restart: restart(table, restart_when, if from_flags { &flags.restart } else { &nobody }),
        stop: stop(&table.table("stop")),
        cwd: table.setting("cwd").text().map_or(context.sources.root.clone(), |cwd| context.sources.root.join(cwd)),
        handover: match table.setting("handover").choice() {
            Some("exclusive") => Handover::Exclusive,
            Some(_) => Handover::Overlap,
            None if listen.is_some() || own.is_some() => Handover::Overlap,
            None => Handover::InTurn,
        },
        start_delay: table
            .setting("start_delay")
            .flag("--start-delay", &flags.start_delay)
            .short("MAINSTAY_START_DELAY")
            .duration()
            .unwrap_or_default(),
        limits: limits(&table.table("limits")),
        single: None,
        name,
        argv,
        env,
        needs,
        after,
        listen,
        port: own,
    }
}

/// It is chosen when the service is started.
fn own_port(table: &Table<'_>) -> Option<u16> {
    let setting = table.setting("port");
    setting.choice()?;
    if let (Some(written), Some(_)) = (setting.written(), table.setting("listen").written()) {
        let hint = "remove one of them: a service that takes a socket over needs no port of its own";
        setting.refuse(&written, "there is `listen`, too", hint);
    }
    Some(Service::UNCHOSEN)
}

fn local(port: u16) -> std::net::SocketAddr {
    (std::net::Ipv4Addr::LOCALHOST, port).into()
}

/// The PostgreSQL by which several hosts agree who runs an exclusive service.
fn single(table: &Table<'_>, service: &Service, dependencies: &[Dependency]) -> Option<String> {
    let setting = table.setting("single");
    match (service.handover, setting.given()) {
        (Handover::Overlap | Handover::InTurn, Some(written)) if setting.bool() == Some(true) => {
            let hint = "write `handover = \"exclusive\"` too, or remove it";
            setting.refuse(&written, "only an exclusive service is run by one host alone", hint);
            None
        }
        (Handover::Overlap | Handover::InTurn, _) => None,
        (Handover::Exclusive, Some(_)) => super::schedule::single(table, &service.needs, dependencies),
        (Handover::Exclusive, None) => super::schedule::first_postgres(&service.needs, dependencies),
    }
}

/// What it may use.
fn limits(table: &Table<'_>) -> Limits {
    Limits {
        memory: table.setting("memory").size((1 << 20, "1 MB")),
        cpu: table.setting("cpu").share(),
        pids: table.setting("pids").count(),
        files: table.setting("files").count(),
    }
}

fn restart(service: &Table<'_>, default: Option<RestartWhen>, flag: &Option<String>) -> Restart {
    let table = service.table("restart");
    let span = |name, default| table.setting(name).pause().unwrap_or(Duration::from_secs(default));
    let (initial, max) = (span("initial", 1), span("max", 30));
    let factor = table.setting("factor").factor().unwrap_or(2.0);
    Restart {
        when: restart_when(service, &table, flag).or(default).unwrap_or_default(),
        backoff: Backoff { initial, factor, max: max.max(initial), jitter: 0.0 },
        stable_after: table.setting("stable_after").duration().unwrap_or(Duration::from_secs(60)),
        budget: table.setting("budget").budget(),
    }
}

/// The short form is the word alone.
fn restart_when(service: &Table<'_>, table: &Table<'_>, flag: &Option<String>) -> Option<RestartWhen> {
    let short = service.setting("restart").flag("--restart", flag);
    let setting = if short.given().is_some() { short } else { table.setting("when") };
    let written = setting.given()?;
    let Kind::Choice(words) = keys::RESTART.key("when")?.kind else { return None };
    match words.iter().position(|word| *word == written.text.trim()) {
        Some(0) => Some(RestartWhen::Always),
        Some(1) => Some(RestartWhen::OnFailure),
        Some(_) => Some(RestartWhen::Never),
        None => {
            let hint =
                did_you_mean(&written.text, words.iter().copied()).unwrap_or(format!("write {}", or_list(words)));
            setting.refuse(&written, &format!("`{}` is not one of the known words", written.text), hint);
            None
        }
    }
}

pub(super) fn stop(table: &Table<'_>) -> Stop {
    let flags = &table.context.sources.flags;
    let grace = table.setting("grace").flag("--grace", &flags.grace).short("MAINSTAY_GRACE").duration();
    Stop { signal: table.setting("signal").signal().unwrap_or(15), grace: grace.unwrap_or(Duration::from_secs(30)) }
}

fn in_order(root: &Table<'_>, all: Vec<Read>) -> Vec<Read> {
    let names: Vec<_> = all.iter().map(|it| it.service.name.as_str()).collect();
    let index = |name: &String| names.iter().position(|it| it == name);
    let order = graph::order(&names, |at| all[at].service.after.iter().filter_map(index).collect());
    match order {
        Ok(order) => {
            let mut slots: Vec<_> = all.into_iter().map(Some).collect();
            order.into_iter().filter_map(|index| slots[index].take()).collect()
        }
        Err(circle) => {
            let finding = Finding::error(format!("services need each other in a circle: {}", circle.join(" -> ")));
            let finding = finding.hint("take one of them out of `needs` of another");
            let span = all.iter().find(|it| it.service.name == circle[0]).and_then(|it| it.span.clone());
            root.context.problem_at(finding, span);
            all
        }
    }
}

/// Services of other roles run elsewhere, so nobody here waits for them.
fn chosen(root: &Table<'_>, all: Vec<Read>, roles: &[String]) -> Vec<Service> {
    let setting = root.setting("role").flag("--role", &root.context.sources.flags.role);
    let Some(written) = setting.written().filter(|written| !written.text.is_empty()) else {
        return among_themselves(all.into_iter().filter(|it| it.enabled));
    };
    if !roles.contains(&written.text) {
        let hint = did_you_mean(&written.text, roles.iter().map(String::as_str)).unwrap_or(match roles.is_empty() {
            true => "there are no services yet".to_owned(),
            false => format!("roles are {}", or_list(roles)),
        });
        setting.refuse(&written, &format!("there is no role `{}`", written.text), hint);
    }
    among_themselves(all.into_iter().filter(|it| it.enabled && it.roles.contains(&written.text)))
}

/// Nobody waits for one that is not among them.
fn among_themselves(chosen: impl Iterator<Item = Read>) -> Vec<Service> {
    let mut services: Vec<_> = chosen.map(|it| it.service).collect();
    let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
    services.iter_mut().for_each(|service| service.after.retain(|name| names.contains(name)));
    services
}
