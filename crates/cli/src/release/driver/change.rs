//! Can this release be run here, also when others shall run it than have run the one before?

use super::{in_place, mainstay};
use crate::{release::work::Work, start::World};
use ::deploy::{course::Fact, systemd};
use config::{Deploy, Driver};
use plan::Trouble;
use report::{Finding, Outcome};

/// From here on the release is run by its own driver.
pub(in crate::release) async fn fit(work: &mut Work<'_>, world: &World) -> Result<(), Trouble> {
    let deploy = world.app.deploy.clone().unwrap_or_default();
    if !is_same(&deploy.driver, &work.driver) {
        change(work, &deploy).await?;
    }
    work.driver = deploy.driver.clone();
    if work.driver.is_in_place() {
        work.facts.push(Fact::InPlace);
        work.list.in_place();
        in_place::fit(work, world).await?;
    }
    Ok(())
}

/// Another manager of systemd is another one: it knows nothing of the units of the first.
fn is_same(one: &Driver, other: &Driver) -> bool {
    who(one) == who(other)
}

fn who(driver: &Driver) -> &'static str {
    match driver {
        Driver::Systemd { manager, .. } => systemd::whose(*manager),
        others => others.word(),
    }
}

/// Two of them at once would run everything twice: so the one before has to let go first.
async fn change(work: &mut Work<'_>, deploy: &Deploy) -> Result<(), Trouble> {
    let before = work.driver.clone();
    let runs = match before {
        Driver::Mainstay => mainstay::runs_services(work).await?,
        _ => in_place::runs(work, &super::of_before(work)).await?,
    };
    if runs {
        let hint = match &before {
            Driver::Mainstay => "`mainstay down` ends them; then release it".to_owned(),
            others => format!("stop {}, then release it", others.parts().join(", ")),
        };
        let (before, now) = (who(&before), who(&deploy.driver));
        let finding =
            Finding::error(format!("the services are run by {before}, and this release wants {now} to run them"));
        return Err(Trouble::new(Outcome::Misused, finding.hint(hint)));
    }
    work.driver = deploy.driver.clone();
    match work.driver.is_in_place() {
        true => in_place::look(work, deploy).await.map(drop),
        false => mainstay::look(work).await.map(drop),
    }
}
