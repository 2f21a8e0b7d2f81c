//! The parts of the new release in the place of the old ones, and back.

use super::{
    bring::{bring_all, reload},
    runner::Runner,
};
use crate::{
    load::load_release,
    release::{
        driver::{deploy_in, deploy_of},
        work::{Daemon, Did, Work, on_disk},
    },
};
use ::deploy::{
    course::Fact,
    store::{self, Switching},
};
use plan::{Trouble, first_in_a_line};
use report::Finding;

/// Makes the release the current one, then starts each of its parts anew.
pub(in crate::release) async fn switch(work: &mut Work<'_>) -> Did {
    work.facts.push(Fact::Switched);
    let world = work.world()?;
    let Some(runner) = Runner::of(work, work.deploy()).await? else { return Ok(String::new()) };
    let dropped = dropped(work).await?;
    work.switched = Some(work.context.now());
    let (id, site) = (work.record.id, &work.here.site);
    Switching::new(id, work.before).write(site).map_err(on_disk("the switch cannot be written down"))?;
    store::make_current(site, Some(id)).map_err(on_disk("`releases/current` cannot be written"))?;
    work.reach("switch.current");
    let mut told = end(dropped).await?;
    told.extend(bring_all(work, &runner, id, &world.app).await?);
    Switching::remove(site).map_err(on_disk("the end of the switch cannot be written down"))?;
    work.reach("switch.promoted");
    reload(work).await;
    Ok(told.join(", "))
}

/// What the release before has and this one does not list any more: beside the new ones it would go on with old code.
async fn dropped<'a>(work: &Work<'a>) -> Result<Option<Runner<'a>>, Trouble> {
    let Some(before) = work.before else { return Ok(None) };
    let deploy = match deploy_of(work, Some(before)) {
        Ok(deploy) => deploy,
        Err(findings) => {
            let finding = Finding::warning("the release before cannot be read: what only it lists is not ended");
            work.context.terminal.finding(&finding.seen(first_in_a_line(&findings)));
            return Ok(None);
        }
    };
    let runner = Runner::of(work, &deploy).await?;
    Ok(runner.map(|runner| runner.without(work.deploy().driver.parts())).filter(|runner| !runner.names().is_empty()))
}

async fn end(dropped: Option<Runner<'_>>) -> Result<Vec<String>, Trouble> {
    let Some(runner) = dropped else { return Ok(Vec::new()) };
    runner.stop().await?;
    Ok(runner.names().iter().map(|name| format!("`{name}`, which it does not list, ended")).collect())
}

/// The release before is the current one again, and its parts run.
pub(in crate::release) async fn switch_back(work: &mut Work<'_>) -> Result<(), String> {
    let told = |trouble: Trouble| trouble.in_a_line();
    let runner = Runner::of(work, work.deploy()).await.map_err(told)?;
    let Some(runner) = runner else { return Ok(()) };
    let half = Switching::new(work.record.id, work.before);
    half.write(&work.here.site).map_err(|error| error.to_string())?;
    store::make_current(&work.here.site, work.before).map_err(|error| error.to_string())?;
    work.reach("back.current");
    let settled = |()| Switching::remove(&work.here.site).map_err(|error| error.to_string());
    let Some(before) = work.before else { return to_nothing(work, runner).await.and_then(settled) };
    let loaded = load_release(work.context, &work.here.app, &before).map_err(|findings| first_in_a_line(&findings))?;
    let deploy = deploy_in(work, Some(&loaded.app));
    // What the release before does not know goes.
    let added = runner.without(deploy.driver.parts());
    added.stop().await.map_err(told)?;
    if let Some(runner) = Runner::of(work, &deploy).await.map_err(told)? {
        bring_all(work, &runner, before, &loaded.app).await.map_err(told)?;
    }
    Switching::remove(&work.here.site).map_err(|error| error.to_string())?;
    reload(work).await;
    Ok(())
}

/// There was no release before: what has run without one is started again where that can be done, else nothing runs, as before.
async fn to_nothing(work: &Work<'_>, runner: Runner<'_>) -> Result<(), String> {
    let told = |trouble: Trouble| trouble.in_a_line();
    match (&runner, work.daemon) {
        (Runner::Systemd(units), Daemon::Running) => {
            for name in &units.names {
                units.bring(name).await.map_err(told)?;
            }
            Ok(())
        }
        (Runner::Systemd(units), Daemon::Ill) => {
            for name in &units.names {
                // As ill as it was before it may be again.
                drop(units.bring(name).await);
            }
            Ok(())
        }
        (Runner::Compose(_), Daemon::Running | Daemon::Ill) => {
            runner.stop().await.map_err(told)?;
            Err("what ran before was started by no release: start it again as it was started".to_owned())
        }
        _ => runner.stop().await.map_err(told),
    }
}

/// Of a clean release: what runs ends, also what only the release before has.
pub(in crate::release) async fn stop(work: &mut Work<'_>) -> Result<(), Trouble> {
    end(dropped(work).await?).await?;
    if let Some(runner) = Runner::of(work, work.deploy()).await? {
        runner.stop().await?;
    }
    Ok(())
}

/// Runs again what ran.
pub(in crate::release) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    switch_back(work).await
}
