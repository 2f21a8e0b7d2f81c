//! Can a release be run here, by those who run its parts?

use super::runner::{Runner, Wanted};
use crate::{release::work::Work, start::World};
use plan::Trouble;

/// Asks whoever runs the parts of the release whether they can be started.
pub(in crate::release) async fn fit(work: &mut Work<'_>, world: &World) -> Result<(), Trouble> {
    let Some(runner) = Runner::of(work, world.app.deploy.as_ref().unwrap_or(&work.here.deploy)).await? else {
        return Ok(());
    };
    let warnings = runner.fit(Wanted { id: work.record.id, app: &world.app }).await?;
    warnings.iter().for_each(|finding| work.context.terminal.finding(finding));
    Ok(())
}
