//! Jobs.

use super::services;
use crate::{
    Cron, Dependency, Job, Overlap, Rhythm, Target, cron,
    file::{Setting, Table, Written},
    suggest::did_you_mean,
    value::parse_duration,
};
use report::{Finding, or_list};
use retry::Backoff;
use std::{collections::BTreeMap, ops::Range, time::Duration};

/// The role of a job that names none.
pub(super) const ROLE: &str = "scheduler";
/// Switches a job off.
const OFF: &str = "off";
/// A job that is due more often is a service.
const SHORTEST: Duration = Duration::from_secs(1);
/// Tries are not further apart.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The roles in which jobs are run.
pub(super) fn roles(root: &Table<'_>) -> Vec<String> {
    root.entries("schedule").iter().flat_map(|entry| roles_of(&entry.table)).collect()
}

fn roles_of(table: &Table<'_>) -> Vec<String> {
    let roles: Vec<_> = table.setting("roles").texts().into_iter().map(|role| role.text).collect();
    if roles.is_empty() { vec![ROLE.to_owned()] } else { roles }
}

/// What services and jobs see of the switches.
pub(super) fn told(mut env: BTreeMap<String, String>, failsafe: bool) -> BTreeMap<String, String> {
    if failsafe {
        env.insert("MAINSTAY_FAILSAFE".to_owned(), "true".to_owned());
    }
    env
}

/// Reads all jobs and chooses those of the role. `run -- CMD` has none.
pub(super) fn read(root: &Table<'_>, dependencies: &[Dependency]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for entry in root.entries("schedule").into_iter().filter(|entry| entry.table.is_written()) {
        let chosen = is_chosen(root, &roles_of(&entry.table));
        let job = job(root, &entry.table, entry.name, &entry.span, dependencies);
        jobs.extend(Some(job).filter(|_| chosen));
    }
    jobs
}

/// Is a job of these roles run?
pub(super) fn is_chosen(root: &Table<'_>, roles: &[String]) -> bool {
    let flags = &root.context.sources.flags;
    let role = root.setting("role").flag("--role", &flags.role).written().map(|role| role.text);
    flags.command.is_none() && role.filter(|role| !role.is_empty()).is_none_or(|role| roles.contains(&role))
}

fn job(root: &Table<'_>, table: &Table<'_>, name: String, span: &Range<usize>, dependencies: &[Dependency]) -> Job {
    let needs = needs(root, table, dependencies);
    let single = single(table, &needs, dependencies);
    let ping = table.table("ping");
    Job {
        rhythm: rhythm(table, span),
        argv: services::command_of(table, span),
        cwd: table.context.sources.root.join(table.setting("cwd").text().unwrap_or_default()),
        env: table.variables("env").into_iter().collect(),
        overlap: match table.setting("overlap").choice() {
            Some("queue") => Overlap::Queue,
            Some("replace") => Overlap::Replace,
            _ => Overlap::Skip,
        },
        catch_up: table.setting("catch_up").bool().unwrap_or(single.is_none()),
        timeout: table.setting("timeout").pause(),
        retries: table.setting("retries").whole().unwrap_or_default(),
        backoff: Backoff {
            initial: table.setting("retry_wait").pause().unwrap_or(Duration::from_secs(10)),
            factor: 2.0,
            max: LONGEST_WAIT,
            jitter: 0.0,
        },
        ping_success: url(&ping, "success"),
        ping_failure: url(&ping, "failure"),
        stop: services::stop(&table.table("stop")),
        name,
        needs,
        single,
    }
}

/// Exactly one of `cron` and `every`; `off` in either of them wins, so that one variable switches a job off.
fn rhythm(table: &Table<'_>, span: &Range<usize>) -> Rhythm {
    let (cron, every, zone) = (table.setting("cron"), table.setting("every"), zone(table));
    match (cron.written(), every.written()) {
        (Some(written), _) if is_off(&written) => Rhythm::Off,
        (_, Some(written)) if is_off(&written) => Rhythm::Off,
        (Some(_), Some(written)) => {
            every.refuse(
                &written,
                "there is a `cron`, too",
                "a job is due by `cron` or by `every`: remove one of them",
            );
            Rhythm::Off
        }
        (Some(written), None) => by_cron(&cron, &written).map_or(Rhythm::Off, |cron| Rhythm::Cron { cron, zone }),
        (None, Some(written)) => by_span(&every, &written).map_or(Rhythm::Off, Rhythm::Every),
        (None, None) => {
            // A value of the wrong shape has been told.
            if table.value("cron").is_none() && table.value("every").is_none() {
                let finding = Finding::error(format!("neither `cron` nor `every` is in {}", table.title()));
                let hint = "write when it is due: `cron = \"0 3 * * *\"`, `every = \"15m\"`, or `cron = \"off\"`";
                table.context.problem(table.context.at(finding.hint(hint), span));
            }
            Rhythm::Off
        }
    }
}

pub(super) fn is_off(written: &Written) -> bool {
    written.text.trim().eq_ignore_ascii_case(OFF)
}

pub(super) fn by_cron(setting: &Setting<'_>, written: &Written) -> Option<Cron> {
    let parsed: Result<Cron, _> = written.text.parse();
    parsed.map_err(|error| setting.refuse_part(written, &error.at, &error.summary, error.hint)).ok()
}

fn by_span(setting: &Setting<'_>, written: &Written) -> Option<Duration> {
    let (summary, hint) = match parse_duration(&written.text) {
        Ok(span) if span >= SHORTEST => return Some(span),
        Ok(_) => (
            format!("`{}` is too short", written.text),
            "a job is due every `1s` at most; what always runs is a service",
        ),
        Err(summary) => (summary, "write a span of time such as `15m`, or `off`"),
    };
    setting.refuse(written, &summary, hint);
    None
}

pub(super) fn zone(table: &Table<'_>) -> jiff::tz::TimeZone {
    let setting = table.setting("timezone");
    let Some(written) = setting.written() else { return jiff::tz::TimeZone::UTC };
    cron::zone(written.text.trim()).unwrap_or_else(|| {
        let zones = cron::zones();
        let hint = did_you_mean(&written.text, zones.iter().map(String::as_str));
        let usual = "write the IANA name of a zone: `Europe/Berlin`, `America/New_York`, `UTC`".to_owned();
        setting.refuse(&written, &format!("there is no time zone `{}`", written.text), hint.unwrap_or(usual));
        jiff::tz::TimeZone::UTC
    })
}

fn needs(root: &Table<'_>, table: &Table<'_>, dependencies: &[Dependency]) -> Vec<String> {
    let known = services::names_of_dependencies(root, dependencies);
    let mut needs: Vec<String> = Vec::new();
    for written in table.setting("needs").texts() {
        let name = &written.text;
        let (summary, hint) = match known.contains(name) {
            true if !needs.contains(name) => {
                needs.push(name.clone());
                continue;
            }
            true => (format!("`{name}` is named twice"), "remove one of them".to_owned()),
            false if root.entries("services").iter().any(|service| service.name == *name) => {
                (format!("`{name}` is a service"), "jobs wait for databases and dependencies: remove it".to_owned())
            }
            false => {
                let known = known.iter().map(String::as_str);
                let all = match known.len() {
                    0 => "there is none: declare it in `[databases]` or `[dependencies]`".to_owned(),
                    _ => format!("known are {}", or_list(known.clone())),
                };
                (format!("there is no database or dependency `{name}`"), did_you_mean(name, known).unwrap_or(all))
            }
        };
        table.context.problem(table.context.error(&written.origin, &summary).hint(hint));
    }
    needs
}

/// The PostgreSQL whose lock lets only one run it.
pub(super) fn single(table: &Table<'_>, needs: &[String], dependencies: &[Dependency]) -> Option<String> {
    let setting = table.setting("single");
    if !setting.bool()? {
        return None;
    }
    let found = first_postgres(needs, dependencies);
    if found.is_none()
        && let Some(written) = setting.written()
    {
        let hint =
            "add a PostgreSQL to `[databases]`, or remove it: on one machine the lock of the data directory does";
        setting.refuse(&written, "there is no PostgreSQL whose lock hosts could share", hint);
    }
    found
}

/// The first PostgreSQL of `needs`, or else of all.
pub(super) fn first_postgres(needs: &[String], dependencies: &[Dependency]) -> Option<String> {
    let is_postgres = |it: &&Dependency| matches!(it.target, Target::Postgres(_));
    let by_need = needs.iter().find_map(|need| dependencies.iter().filter(is_postgres).find(|it| it.name == *need));
    by_need.or_else(|| dependencies.iter().find(is_postgres)).map(|it| it.name.clone())
}

pub(super) fn url(ping: &Table<'_>, name: &str) -> Option<String> {
    let setting = ping.setting(name);
    let written = setting.written()?;
    match Target::parse(&written.text) {
        Ok(Target::Http { url, .. }) => Some(url),
        Ok(_) | Err(_) => {
            let seen = crate::redact(&written.text);
            setting.refuse(&written, &format!("`{seen}` is no URL of a page"), "write `https://…` or `http://…`");
            None
        }
    }
}
