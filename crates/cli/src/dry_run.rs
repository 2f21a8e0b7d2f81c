//! `--dry-run`: the plan, and everything that can be checked without starting or changing anything (S2.6).

use crate::{check, context::Context, start::World, verbs::answer};
use config::{App, Dependency, Job, Metrics, MigrationSource, Service, Target};
use host::{fs::check_dir, process::find_program};
use migrate::MigrateError;
use plan::{Intent, Plan};
use report::{Check, Finding, Outcome, Verdict, count};
use serde::Serialize;
use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

/// No single question takes longer than this: nobody waits in a dry run.
const LIMIT: Duration = Duration::from_secs(5);

/// What a dry run found.
#[derive(Serialize)]
struct Preflight<'a> {
    app: &'a str,
    verdict: Verdict,
    plan: &'a Plan,
    checks: &'a [Check],
}

/// Prints the plan and checks everything. Exit 0 when all passed, 1 when something failed, 3 when something could not be
/// verified.
pub(crate) async fn report(context: &Context, app: App, json: bool) -> Outcome {
    let plan = Plan::of(Intent::Up, &app);
    let world = World::new(context, app);
    let checks = checks(&world).await;
    let verdict = total(&checks);
    let text = match json {
        true => {
            let preflight = Preflight { app: &world.app.name, verdict, plan: &plan, checks: &checks };
            format!("{:#}", serde_json::json!(preflight))
        }
        false => text(&plan, &checks, verdict),
    };
    let outcome = match verdict {
        Verdict::Pass | Verdict::Skipped => Outcome::Done,
        Verdict::Fail => Outcome::Failed,
        Verdict::CouldNotVerify => Outcome::Degraded,
    };
    answer(context, &text, outcome)
}

async fn checks(world: &World) -> Vec<Check> {
    let mut checks: Vec<_> = world.app.keeps_data.then(|| data(&world.app)).into_iter().collect();
    for dependency in &world.app.dependencies {
        checks.push(ask(world, dependency).await);
    }
    checks.extend(pending(world).await);
    checks.extend(migrator(&world.app));
    checks.extend(world.app.services.iter().map(|service| program(&world.app, service)));
    checks.extend(world.app.jobs.iter().map(|job| job_program(&world.app, job)));
    checks.extend(ports(&world.app));
    checks
}

fn data(app: &App) -> Check {
    let facts = check_dir(&app.data);
    let subject = format!("data directory `{}`", app.data.display());
    if check::will_be_made(app, &facts) {
        return match check::can_be_made(&app.data) {
            Ok(()) => not_there_yet(subject),
            Err(finding) => of(subject, Verdict::Fail, &finding),
        };
    }
    match check::judge(&app.data, &facts) {
        Ok(()) => match check::room(&app.data, &facts) {
            Some(warning) => of(subject, Verdict::Fail, &warning),
            None => {
                Check { subject, verdict: Verdict::Pass, seen: "a file was written and removed".into(), hint: None }
            }
        },
        Err(finding) => of(subject, Verdict::Fail, &finding),
    }
}

fn not_there_yet(subject: String) -> Check {
    Check { subject, verdict: Verdict::Skipped, seen: "not there yet; it will be made".into(), hint: None }
}

async fn ask(world: &World, dependency: &Dependency) -> Check {
    let subject = format!("{} `{}`", dependency.target.kind(), dependency.name);
    let app = &world.app;
    if matches!(&dependency.target, Target::Sqlite(file) if file.starts_with(&app.data))
        && check::will_be_made(app, &check_dir(&app.data))
    {
        return not_there_yet(subject);
    }
    let limit = dependency.wait.attempt_timeout.min(LIMIT);
    match probe::ask(&dependency.target, dependency.access, limit, &world.probes).await {
        Ok(ready) => {
            let seen = ready.note.map_or_else(|| ready.what.clone(), |note| format!("{}; {note}", ready.what));
            Check { subject, verdict: Verdict::Pass, seen, hint: None }
        }
        Err(refusal) => {
            let verdict = match (refusal.state, dependency.required) {
                (database::ServerState::Unknown, _) => Verdict::CouldNotVerify,
                (_, true) => Verdict::Fail,
                (_, false) => Verdict::CouldNotVerify,
            };
            let seen = format!("{}: {refusal}", refusal.state);
            Check { subject, verdict, seen, hint: refusal.hint }
        }
    }
}

async fn pending(world: &World) -> Option<Check> {
    let job = world.job()?;
    let subject = format!("migrations of `{}`", job.migrations.database);
    if let MigrationSource::Command(argv) = &job.migrations.source {
        let seen = format!("`{}` keeps what is pending to itself", argv.join(" "));
        return Some(Check { subject, verdict: Verdict::Skipped, seen, hint: None });
    }
    Some(match migrate::pending(&job, &migrate::Goal::All).await {
        Ok(pending) => {
            let names: Vec<_> = pending.unwrap_or_default().into_iter().map(|pending| pending.name).collect();
            let seen = match names.as_slice() {
                [] => "nothing pending".to_owned(),
                names => format!("{} pending: {}", count(names.len(), "migration"), names.join(", ")),
            };
            Check { subject, verdict: Verdict::Pass, seen, hint: None }
        }
        Err(error) => {
            // When the database cannot be asked, nothing is known about what is pending.
            let verdict = if unanswered(&error) { Verdict::CouldNotVerify } else { Verdict::Fail };
            match error.findings().first() {
                Some(finding) => of(subject, verdict, finding),
                None => Check { subject, verdict, seen: error.to_string(), hint: None },
            }
        }
    })
}

fn unanswered(error: &MigrateError) -> bool {
    matches!(error, MigrateError::Refused(_))
}

/// The program of a migration command.
fn migrator(app: &App) -> Option<Check> {
    let migrations = app.migrations.as_ref()?;
    let MigrationSource::Command(argv) = &migrations.source else { return None };
    let hint = "check `command` of `[migrations]`";
    Some(found("command of the migrations".to_owned(), find_program(&argv[0], &app.env, &app.root), hint))
}

fn program(app: &App, service: &Service) -> Check {
    let env = app.env.iter().chain(&service.env).map(|(name, value)| (name.clone(), value.clone())).collect();
    let hint = format!("check `command` and `cwd` of `[services.{}]`", service.name);
    found(format!("command of `{}`", service.name), find_program(&service.argv[0], &env, &service.cwd), &hint)
}

fn job_program(app: &App, job: &Job) -> Check {
    let subject = format!("command of `{}`", job.name);
    if let Some(why) = app.jobs_are_off() {
        return Check { subject, verdict: Verdict::Skipped, seen: why.to_owned(), hint: None };
    }
    let env = app.env.iter().chain(&job.env).map(|(name, value)| (name.clone(), value.clone())).collect();
    let hint = format!("check `command` and `cwd` of `[schedule.{}]`", job.name);
    found(subject, find_program(&job.argv[0], &env, &job.cwd), &hint)
}

fn found(subject: String, program: io::Result<PathBuf>, hint: &str) -> Check {
    match program {
        Ok(path) => Check { subject, verdict: Verdict::Pass, seen: path.display().to_string(), hint: None },
        Err(error) => Check { subject, verdict: Verdict::Fail, seen: error.to_string(), hint: Some(hint.to_owned()) },
    }
}

/// Every address that a start binds: those of the services, then our own.
fn ports(app: &App) -> impl Iterator<Item = Check> {
    let own = match app.health.metrics {
        Metrics::Own(address) => Some(address),
        Metrics::Off | Metrics::WithHealth => None,
    };
    let ours = [("health.listen", app.health.listen), ("health.tcp", app.health.tcp), ("health.metrics", own)];
    let services = app.services.iter().map(|service| (service.name.as_str(), service.listen));
    let proxy = app.proxy.iter();
    let proxy = proxy.flat_map(|it| {
        let redirects = it.redirect.iter().map(|address| ("proxy.redirect", Some(*address)));
        it.listen.iter().map(|address| ("proxy.listen", Some(*address))).chain(redirects)
    });
    services.chain(proxy).chain(ours).filter_map(|(whose, address)| Some(port(whose, address?)))
}

fn port(whose: &str, address: SocketAddr) -> Check {
    let subject = format!("address {address} of `{whose}`");
    match host::net::bind_tcp(address) {
        Ok(_) => Check { subject, verdict: Verdict::Pass, seen: "free".into(), hint: None },
        Err(error) => of(subject, Verdict::Fail, &Finding::error("taken").because(&error)),
    }
}

fn of(subject: String, verdict: Verdict, finding: &Finding) -> Check {
    let seen = match finding.seen.as_slice() {
        [] => finding.summary.clone(),
        seen => format!("{}: {}", finding.summary, seen.join("; ")),
    };
    Check { subject, verdict, seen, hint: finding.hint.clone() }
}

fn total(checks: &[Check]) -> Verdict {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    match (any(Verdict::Fail), any(Verdict::CouldNotVerify)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::CouldNotVerify,
        (false, false) => Verdict::Pass,
    }
}

fn text(plan: &Plan, checks: &[Check], verdict: Verdict) -> String {
    let width = checks.iter().map(|check| check.subject.chars().count()).max().unwrap_or_default();
    let mut text = format!("plan, nothing of it was done:\n{plan}\nchecks:\n");
    for check in checks {
        text += &format!("  {:<16}  {:<width$}  {}\n", check.verdict, check.subject, check.seen);
        if let Some(hint) = &check.hint {
            text += &format!("  {:<16}  hint: {hint}\n", "");
        }
    }
    text + &format!("\n{verdict}\n")
}
