//! Is the new version fit: its configuration, its variables, its programs, connections, its pending migrations?

use super::{
    super::{
        driver,
        prober::Prober,
        rules_of,
        work::{Did, Work},
    },
    addresses::addresses,
    connections::room_for_both,
    heads,
    needs::new_needs,
};
use crate::{
    load::{load_release, share},
    start::World,
    trouble,
};
use ::deploy::course::{Copies, Fact};
use config::{App, Deploy};
use migrate::Goal;
use plan::Trouble;
use report::{Finding, Outcome, count};
use std::sync::Arc;

/// Reads the configuration of the new release and looks at all that can be looked at before anything is built or changed.
pub(in crate::release) async fn check(work: &mut Work<'_>) -> Did {
    let world = load(work)?;
    let deploy = world.app.deploy.clone().unwrap_or_else(Deploy::default);
    driver::fit(work, &world).await?;
    let mut rules = rules_of(&deploy, world.app.migrations.is_some());
    if work.wish.clean {
        rules.copies = Copies::Always;
        ready_for_empty(&world)?;
    }
    work.facts.push(Fact::Rules(rules));
    if !work.driver.is_in_place() {
        if !rules.builds {
            programs(&world)?;
        }
        addresses(work, &world)?;
    }
    let mut told = vec!["its configuration is complete".to_owned()];
    told.extend(new_needs(work, &world).await?);
    told.extend(pending(work, &world).await?);
    told.extend(room_for_both(work, &world.app).await?);
    begin_to_probe(work);
    Ok(told.join(", "))
}

/// Of a rollback: it was fit once; are its files and variables still there?
pub(in crate::release) async fn check_again(work: &mut Work<'_>) -> Did {
    let world = load(work)?;
    driver::fit(work, &world).await?;
    if !work.driver.is_in_place() {
        programs(&world)?;
        addresses(work, &world)?;
    }
    let needs = new_needs(work, &world).await?;
    let room = room_for_both(work, &world.app).await?;
    begin_to_probe(work);
    Ok(["its files are there".to_owned()].into_iter().chain(needs).chain(room).collect::<Vec<_>>().join(", "))
}

fn load(work: &mut Work<'_>) -> Result<Arc<World>, Trouble> {
    let misused = |findings| Trouble { outcome: Outcome::Misused, findings };
    let loaded = load_release(work.context, &work.here.app, &work.record.id).map_err(misused)?;
    migrate::check(&loaded.app).map_err(trouble::of_migrate)?;
    if !work.is_rollback {
        let paths = loaded.app.deploy.as_ref().map(|deploy| deploy.shared.clone()).unwrap_or_default();
        let hidden = share(work.context, &work.here.app, &work.record, &paths).map_err(misused)?;
        hidden.iter().for_each(|finding| work.context.terminal.finding(finding));
    }
    let world = World::new(work.context, loaded.app);
    work.world = Some(world.clone());
    Ok(world)
}

/// Something has to be emptied.
fn ready_for_empty(world: &World) -> Result<(), Trouble> {
    match world.app.backup.databases.is_empty() {
        false => Ok(()),
        true => {
            let finding = Finding::error("there is no database that could be emptied");
            Err(Trouble::new(Outcome::Misused, finding.hint("without --clean it is released as it is")))
        }
    }
}

/// What its services run must be there, at the latest once it is built.
pub(super) fn programs(world: &World) -> Result<(), Trouble> {
    crate::check::programs(&world.app).map_err(|findings| Trouble { outcome: Outcome::Failed, findings })
}

/// How many migrations would be applied, and what the linter says of them.
async fn pending(work: &mut Work<'_>, world: &World) -> Result<Option<String>, Trouble> {
    let Some(job) = world.job() else { return Ok(None) };
    if let Some(database) = world.app.dependency(&job.migrations.database) {
        let ready = probe::gate::wait(database, &world.probes, &*work.context.terminal).await;
        ready.map_err(|error| Trouble::new(error.outcome(), Finding::from(&error)))?;
    }
    let pending = migrate::pending(&job, &Goal::All).await.map_err(trouble::of_migrate)?;
    let status = heads::standing(world).await?;
    work.record.head_before = heads::head(status.as_ref());
    work.record.head_after = work.record.head_before.clone();
    let Some(pending) = pending else {
        // Its command keeps that to itself: it is run, and copied before.
        work.facts.push(Fact::Pending(1));
        return Ok(Some("whether migrations are pending is not known".to_owned()));
    };
    // In an empty database all of them are.
    work.facts.push(Fact::Pending(if work.wish.clean { pending.len().max(1) } else { pending.len() }));
    if !pending.is_empty() {
        lint(work, &job).await?;
    }
    Ok(Some(format!("{} pending", count(pending.len(), "migration"))))
}

/// What the linter finds is told; only what it calls an error stops the release.
#[cfg(feature = "lint")]
async fn lint(work: &Work<'_>, job: &migrate::Job<'_>) -> Result<(), Trouble> {
    use migrate::lint::{Question, Which};
    if !matches!(job.target, config::Target::Postgres(_)) {
        return Ok(());
    }
    let question = Question { which: Which::Pending, version: None };
    let linted = migrate::lint::lint(job, &question).await.map_err(trouble::of_migrate)?;
    let (errors, others): (Vec<_>, Vec<_>) =
        linted.findings.into_iter().map(|told| told.finding).partition(|it| it.severity == report::Severity::Error);
    others.iter().for_each(|finding| work.context.terminal.finding(finding));
    if errors.is_empty() { Ok(()) } else { Err(Trouble { outcome: Outcome::Failed, findings: errors }) }
}

#[cfg(not(feature = "lint"))]
async fn lint(_: &Work<'_>, _: &migrate::Job<'_>) -> Result<(), Trouble> {
    Ok(())
}

/// The application as the release that serves is configured, or the site where none does.
pub(super) fn served(work: &Work<'_>) -> App {
    let before = work.before.and_then(|id| load_release(work.context, &work.here.app, &id).ok());
    before.map_or_else(|| work.here.app.clone(), |loaded| loaded.app)
}

/// From now on the application is asked through its own door, as the release that serves is configured.
fn begin_to_probe(work: &mut Work<'_>) {
    use super::super::work::Daemon;
    if work.daemon != Daemon::Running || work.prober.is_some() {
        return;
    }
    work.prober = Prober::begin(work.context, &served(work));
}
