//! Databases and other dependencies, and the migrations of one of them.

use super::{check_of, one, with_hint};
use crate::start::World;
use config::{Dependency, Target};
use migrate::Goal;
use report::{Check, Verdict, count};
use std::time::Duration;

/// One question takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn look(world: &World) -> Vec<Check> {
    let mut checks = Vec::new();
    for dependency in &world.app.dependencies {
        checks.push(ask(world, dependency).await);
    }
    checks.push(migrations(world).await);
    checks
}

async fn ask(world: &World, dependency: &Dependency) -> Check {
    let kind = match dependency.target {
        Target::Postgres(_) | Target::Sqlite(_) => "database",
        _ => "dependency",
    };
    let subject = format!("{kind} {}", dependency.name);
    match probe::ask(&dependency.target, dependency.access, PATIENCE, &world.probes).await {
        Ok(ready) => {
            check_of(subject, Verdict::Pass, format!("{} answers in {}", ready.what, report::seconds(ready.latency)))
        }
        Err(refusal) => {
            // One that is not required may be away.
            let verdict = if dependency.required { Verdict::Fail } else { Verdict::CouldNotVerify };
            check_of(subject, verdict, refusal.to_string())
        }
    }
}

async fn migrations(world: &World) -> Check {
    let Some(job) = world.job() else { return check_of("migrations", Verdict::Skipped, "there are none") };
    if let Err(error) = migrate::check(&world.app) {
        return one("migrations", &error.findings(), "");
    }
    match migrate::pending(&job, &Goal::All).await {
        Ok(Some(pending)) => {
            let linted = if pending.is_empty() { None } else { lint(&job).await };
            let seen = format!("{} pending", count(pending.len(), "migration"));
            match linted {
                Some(check) => Check { seen: format!("{seen}; {}", check.seen), ..check },
                None => check_of("migrations", Verdict::Pass, seen),
            }
        }
        Ok(None) => check_of("migrations", Verdict::CouldNotVerify, "their command keeps to itself what is pending"),
        Err(error) => {
            let findings = error.findings();
            let seen = findings.iter().map(|finding| finding.summary.clone()).collect::<Vec<_>>().join("; ");
            let verdict = match error.outcome() {
                report::Outcome::NotYet | report::Outcome::Degraded => Verdict::CouldNotVerify,
                _ => Verdict::Fail,
            };
            let check = check_of("migrations", verdict, seen);
            match findings.into_iter().find_map(|finding| finding.hint) {
                Some(hint) => with_hint(check, hint),
                None => check,
            }
        }
    }
}

/// What the linter says of those that are pending; its rules are those of PostgreSQL.
#[cfg(feature = "lint")]
async fn lint(job: &migrate::Job<'_>) -> Option<Check> {
    use migrate::lint::{Question, Which};
    if !matches!(job.target, Target::Postgres(_)) {
        return None;
    }
    match migrate::lint::lint(job, &Question { which: Which::Pending, version: None }).await {
        Ok(linted) => {
            let findings: Vec<_> = linted.findings.into_iter().map(|told| told.finding).collect();
            Some(one("migrations", &findings, "the linter finds nothing"))
        }
        Err(error) => Some(check_of("migrations", Verdict::CouldNotVerify, error.to_string())),
    }
}

#[cfg(not(feature = "lint"))]
async fn lint(_: &migrate::Job<'_>) -> Option<Check> {
    None
}
