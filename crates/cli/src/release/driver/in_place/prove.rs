//! What has just been started may not listen yet, and nobody else tells when it does.

use crate::{
    release::step::{Unpassed, ask_smoke},
    start::World,
};
use config::Smoke;
use plan::Trouble;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So long nobody may listen.
const DEAF: Duration = Duration::from_secs(30);
/// The time between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks until it is answered. An answer that is wrong is one.
pub(in crate::release) async fn smoke(world: &World, check: &Smoke) -> Result<(), Trouble> {
    let until = Instant::now() + DEAF;
    loop {
        match ask_smoke(world, check, &[]).await {
            Ok(()) => return Ok(()),
            Err(Unpassed { answered: false, .. }) if Instant::now() < until => sleep(PAUSE).await,
            Err(Unpassed { trouble, .. }) => return Err(trouble),
        }
    }
}
