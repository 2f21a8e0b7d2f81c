//! What is asked for, or all that is wrong with the question.

use super::super::moment::{asked, no_pattern};
use crate::{
    args::{Logs, Place},
    context::Context,
    load::{Need, Reading, load_in_silence},
};
use ::logs::{Filter, services};
use config::{App, Dependency, Overrides, did_you_mean};
use probe::NoLog;
use regex::bytes::Regex;
use report::{Finding, Level, or_list};
use std::path::PathBuf;

/// What is asked for.
pub(super) struct Asked {
    pub(super) dir: PathBuf,
    pub(super) services: Vec<String>,
    /// None was named: those that begin to write later are meant too.
    pub(super) all: bool,
    /// The file of a database's server, and its name.
    pub(super) server_log: Option<(PathBuf, String)>,
    pub(super) filter: Filter,
    database: Option<Dependency>,
}

impl Asked {
    pub(super) async fn of(context: &Context, args: &Logs) -> Result<Self, Vec<Finding>> {
        let filter = filter(context, args);
        let app = app(context, &args.place)?;
        let filter = filter?;
        let server_log = match &args.database {
            Some(name) => Some(server_log(&app, name).await.map_err(|finding| vec![finding])?),
            None => None,
        };
        let database = args.database.as_deref().and_then(|name| app.dependency(name)).cloned();
        if server_log.is_some() && args.services.is_empty() {
            return Ok(Self { dir: app.logs.dir, services: Vec::new(), all: false, server_log, filter, database });
        }
        let services = chosen(&app, &args.services, args.follow)?;
        Ok(Self { dir: app.logs.dir, services, all: args.services.is_empty(), server_log, filter, database })
    }

    /// The file that the server of the database writes to by now, if that can be told, and its name.
    pub(super) async fn server_log_now(&self) -> Option<(PathBuf, String)> {
        let database = self.database.as_ref()?;
        let path = probe::server_log(&database.target).await.ok()?;
        Some((path, database.name.clone()))
    }

    /// How wide the names are.
    pub(super) fn width(&self) -> usize {
        let names = self.services.iter().chain(self.server_log.as_ref().map(|(_, name)| name));
        names.map(String::len).max().unwrap_or_default()
    }
}

/// The application: the file, or the variables of a container that keeps its lines.
fn app(context: &Context, place: &Place) -> Result<App, Vec<Finding>> {
    let named = ["MAINSTAY_LOGS_DIR", "MAINSTAY_LOGS_ENABLED"].iter().any(|name| context.env.contains_key(*name));
    let need = if named { Need::Anything } else { Need::File };
    Ok(load_in_silence(context, place, Overrides::default(), need, Reading::Lenient)?.app)
}

fn filter(context: &Context, args: &Logs) -> Result<Filter, Vec<Finding>> {
    let now = context.now();
    let mut problems = Vec::new();
    let mut time = |flag: &str, text: &Option<String>| {
        asked(flag, text.as_deref(), now).unwrap_or_else(|finding| {
            problems.push(finding);
            None
        })
    };
    let (since, until) = (time("--since", &args.since), time("--until", &args.until));
    let grep = args.grep.as_deref().and_then(|pattern| match Regex::new(pattern) {
        Ok(regex) => Some(regex),
        Err(error) => {
            problems.push(no_pattern(&error));
            None
        }
    });
    let level = if args.errors { Some(Level::Error) } else { args.level.map(Level::from) };
    let filter = Filter { since, until, grep, level, release: args.release.clone() };
    if problems.is_empty() { Ok(filter) } else { Err(problems) }
}

/// The named services, or all that there are; one that is not there is no mistake when lines are waited for.
fn chosen(app: &App, named: &[String], follow: bool) -> Result<Vec<String>, Vec<Finding>> {
    let dir = &app.logs.dir;
    let written = services(dir).map_err(|error| {
        let finding = Finding::error("the log files cannot be looked at").because(&error);
        vec![finding.hint("run as the user that mainstay runs as")]
    })?;
    let mut known: Vec<_> =
        app.services.iter().map(|it| &it.name).chain(app.jobs.iter().map(|it| &it.name)).cloned().collect();
    known.extend(written.iter().filter(|name| !known.contains(name)).cloned().collect::<Vec<_>>());
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains(name)).map(|name| unknown(name, &known)).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let chosen = if named.is_empty() { known } else { named.to_vec() };
    if !app.logs.enabled && !chosen.iter().any(|name| written.contains(name)) {
        let finding = Finding::error("the lines of the services are not kept");
        return Err(vec![finding.hint("set `enabled = true` in `[logs]`, or MAINSTAY_LOGS_DIR")]);
    }
    if !follow && !chosen.iter().any(|name| written.contains(name)) {
        let finding =
            Finding::error("nothing has been written yet").seen(format!("no log files in `{}`", dir.display()));
        return Err(vec![finding.hint("start the services: `mainstay up`; or wait for lines: `-f`")]);
    }
    Ok(chosen)
}

fn unknown(name: &str, known: &[String]) -> Finding {
    let mut finding = Finding::error(format!("there is no service `{name}`"));
    if !known.is_empty() {
        finding = finding.seen(format!("services are {}", or_list(known).replace(" or `", " and `")));
    }
    finding.hint = did_you_mean(name, known.iter().map(String::as_str));
    finding
}

async fn server_log(app: &App, name: &str) -> Result<(PathBuf, String), Finding> {
    let names = || app.dependencies.iter().map(|it| it.name.as_str());
    let Some(dependency) = app.dependency(name) else {
        let mut finding = Finding::error(format!("there is no database `{name}`"));
        if names().next().is_some() {
            finding = finding.seen(format!("databases are {}", or_list(names()).replace(" or `", " and `")));
        }
        finding.hint = did_you_mean(name, names());
        return Err(finding);
    };
    let path = probe::server_log(&dependency.target).await.map_err(|why| {
        let finding = Finding::error(format!("the log of `{name}` cannot be found")).seen(&why);
        match why {
            NoLog::OfItsOwn(_) => finding,
            _ => finding
                .hint("look where its server runs; `log_directory` and `log_filename` of postgresql.conf say where"),
        }
    })?;
    host::fs::open(&path).map_err(|error| {
        let finding = Finding::error(format!("the log of `{name}` cannot be read")).because(&error);
        finding.hint("run as the user that the server runs as, or set `log_file_mode = 0640` and join its group")
    })?;
    Ok((path, name.to_owned()))
}
