//! The parts of the new release in the place of the old ones, and back.

use super::{
    bring::{bring_all, or_first, reload},
    runner::Runner,
};
use crate::{
    load::load_release,
    release::work::{Daemon, Did, Work, on_disk},
};
use ::deploy::{course::Fact, store};
use plan::Trouble;

/// Makes the release the current one, then starts each of its parts anew.
pub(in crate::release) async fn switch(work: &mut Work<'_>) -> Did {
    work.facts.push(Fact::Switched);
    let world = work.world()?;
    let Some(runner) = Runner::of(work, work.deploy()).await? else { return Ok(String::new()) };
    work.switched = Some(work.context.now());
    let unwritable = on_disk("`releases/current` cannot be written");
    store::make_current(&work.here.site, Some(work.record.id)).map_err(unwritable)?;
    work.reach("switch.current");
    let told = bring_all(work, &runner, work.record.id, &world.app).await?;
    work.reach("switch.promoted");
    reload(work).await;
    Ok(told.join(", "))
}

/// The release before is the current one again, and its parts run.
pub(in crate::release) async fn switch_back(work: &mut Work<'_>) -> Result<(), String> {
    let told = |trouble: Trouble| or_first(&trouble.findings);
    let runner = Runner::of(work, work.deploy()).await.map_err(told)?;
    let Some(runner) = runner else { return Ok(()) };
    store::make_current(&work.here.site, work.before).map_err(|error| error.to_string())?;
    work.reach("back.current");
    let Some(before) = work.before else { return to_nothing(work, runner).await };
    let loaded = load_release(work.context, &work.here.app, &before).map_err(|findings| or_first(&findings))?;
    let deploy = loaded.app.deploy.clone().unwrap_or_else(|| work.here.deploy.clone());
    // What the release before does not know goes.
    let added = runner.without(deploy.driver.parts());
    added.stop().await.map_err(told)?;
    if let Some(runner) = Runner::of(work, &deploy).await.map_err(told)? {
        bring_all(work, &runner, before, &loaded.app).await.map_err(told)?;
    }
    reload(work).await;
    Ok(())
}

/// There was no release before: what has run without one is started again where that can be done, else nothing runs, as before.
async fn to_nothing(work: &Work<'_>, runner: Runner<'_>) -> Result<(), String> {
    let told = |trouble: Trouble| or_first(&trouble.findings);
    match (&runner, work.daemon) {
        (Runner::Systemd(units), Daemon::Running) => {
            for name in &units.names {
                units.bring(name).await.map_err(told)?;
            }
            Ok(())
        }
        (Runner::Compose(_), Daemon::Running) => {
            runner.stop().await.map_err(told)?;
            Err("what ran before was started by no release: start it again as it was started".to_owned())
        }
        _ => runner.stop().await.map_err(told),
    }
}

/// Of a clean release: what runs ends.
pub(in crate::release) async fn stop(work: &mut Work<'_>) -> Result<(), Trouble> {
    if let Some(runner) = Runner::of(work, work.deploy()).await? {
        runner.stop().await?;
    }
    Ok(())
}

/// Runs again what ran.
pub(in crate::release) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    switch_back(work).await
}
