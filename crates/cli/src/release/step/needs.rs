//! What the new release needs and the one before does not: it has to be ready before anything is built or changed.

use super::{
    super::work::{Daemon, Work},
    check::served,
};
use crate::{
    start::{World, is_same},
    trouble::of_gate,
};
use plan::Trouble;

/// Waits for dependencies that nobody watches yet as a start does; those that were there before are the running mainstay's affair,
/// and of one that does not run nothing is asked before its start.
pub(super) async fn new_needs(work: &Work<'_>, world: &World) -> Result<Option<String>, Trouble> {
    if work.daemon != Daemon::Running {
        return Ok(None);
    }
    let before = served(work);
    let is_new = |it: &&config::Dependency| it.required && !before.dependencies.iter().any(|known| is_same(known, it));
    let new: Vec<_> = world.app.dependencies.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(None);
    }
    probe::gate::wait_all(&new, &world.probes, &*work.context.terminal).await.map_err(|errors| of_gate(&errors))?;
    let names: Vec<_> = new.iter().map(|it| format!("`{}`", it.name)).collect();
    Ok(Some(format!("{} ready, which the release before does not know", names.join(", "))))
}
