//! What the steps would do that others carry out.

use crate::release::work::Work;
use ::deploy::course::Step;
use config::Driver;
use report::count;

/// In words; nothing for steps that are those of every release.
pub(in crate::release) fn would(work: &Work<'_>, step: Step) -> Option<String> {
    let deploy = work.deploy();
    let parts = deploy.driver.parts().join(", ");
    let names = || work.world.iter().flat_map(|world| &world.app.dependencies).map(|it| it.name.as_str());
    Some(match (step, &deploy.driver) {
        (Step::Gate, _) => match names().count() {
            0 => "no databases".to_owned(),
            _ => format!("waits until these are ready: {}", names().collect::<Vec<_>>().join(", ")),
        },
        (Step::Switch | Step::Stop, Driver::Mainstay) => return None,
        (Step::Switch, Driver::Systemd { .. }) => format!("restarted one after the other: {parts}"),
        (Step::Switch, Driver::Compose { .. }) => format!("replaced one after the other: {parts}"),
        (Step::Stop, _) => format!("stopped: {parts}"),
        (Step::Prove, driver) if driver.is_in_place() => {
            format!("{}, errors in the log", count(deploy.smoke.len(), "smoke check"))
        }
        _ => return None,
    })
}

/// The images of a release of Compose.
pub(in crate::release) fn images(work: &Work<'_>) -> String {
    format!("images of {}", work.deploy().driver.parts().join(", "))
}
