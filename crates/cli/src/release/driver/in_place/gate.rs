//! The databases first: nobody is stopped for a new service that could not work.

use crate::{
    release::work::{Did, Work},
    trouble::of_gate,
};
use probe::gate::wait_all;
use report::count;

/// Waits until all databases and other dependencies of the release are ready.
pub(in crate::release) async fn gate(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let all: Vec<_> = world.app.dependencies.iter().collect();
    if all.is_empty() {
        return Ok("no databases".to_owned());
    }
    let opened = wait_all(&all, &world.probes, &*work.context.terminal).await;
    opened.map_err(|errors| of_gate(&errors))?;
    Ok(format!("{} ready", count(all.len(), "dependency")))
}
