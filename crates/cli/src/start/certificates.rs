//! How the certificates are that the proxy shows, for the pages and for people.

use super::World;
use health::CertificateHealth;
use proxy::Look;
use std::sync::Arc;

/// From now on whoever asks for health is told.
pub(super) fn show(world: &Arc<World>) {
    let theirs = Arc::downgrade(world);
    world.board.certificates_by(move || {
        let looks = theirs.upgrade().map(|world| now(&world)).unwrap_or_default();
        looks.into_iter().map(health).collect()
    });
}

/// Those that are shown now.
pub(super) fn now(world: &World) -> Vec<Look> {
    world.proxied.get().and_then(|proxied| proxied.certificate()).into_iter().collect()
}

fn health(look: Look) -> CertificateHealth {
    let until = look.until.as_deref().and_then(|until| until.parse::<jiff::Timestamp>().ok());
    CertificateHealth {
        name: look.names.into_iter().next().unwrap_or_default(),
        until: until.map(|until| until.as_second() as f64),
        days_left: look.days_left,
        failing: look.failure.is_some(),
        reason: look.complaint,
    }
}
