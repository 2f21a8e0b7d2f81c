//! What an earlier life has left running is ended before anything is started: never two copies.

use super::World;
use config::App;
use host::{
    proc::Process,
    process::{Leftover, Together, end_leftovers, leftovers},
};
use plan::Trouble;
use report::{Event, Finding, Journal, Level, Outcome, count};
use std::time::Duration;

/// They get this long to go before they are killed.
const GRACE: Duration = Duration::from_secs(5);

/// By what the processes of this start, and of earlier ones with the same data, are known. Without data nobody comes back to
/// them, and each start is one of its own.
pub(super) fn instance(app: &App) -> String {
    let this = Process::this();
    match app.keeps_data {
        true => std::path::absolute(&app.data).unwrap_or_else(|_| app.data.clone()).display().to_string(),
        false => format!("{}:{}", this.pid, this.start_time().unwrap_or_default()),
    }
}

/// Is there anybody whom an earlier start has left, and whom the next one ends?
pub(crate) fn has_left_any(app: &App) -> bool {
    !leftovers(&instance(app)).is_empty()
}

/// Call it under the lock of the single instance, or a life that goes on is ended.
pub(super) async fn clear_away(world: &World, instance: &str) -> Result<(), Trouble> {
    let found = leftovers(instance);
    if found.is_empty() {
        // The rule: all processes are looked at once, not twice.
        keep_together(world, instance);
        return Ok(());
    }
    tell(world, &found);
    let left = end_leftovers(instance, GRACE).await;
    let failed = |finding| Err(Trouble::new(Outcome::Failed, finding));
    match left {
        Ok(left) if left.is_empty() => {}
        Ok(left) => return failed(unkillable(&left)),
        Err(error) => {
            let finding = Finding::error("processes that an earlier start has left cannot be ended").because(&error);
            return failed(finding.hint("run mainstay as the user that started them, or end them yourself"));
        }
    }
    keep_together(world, instance);
    Ok(())
}

fn keep_together(world: &World, instance: &str) {
    let limited = world.app.services.iter().any(|service| service.limits != config::Limits::default());
    let text = match world.spawner.keep_together(instance, limited) {
        Together::Cgroups(path) => format!("processes are kept together by control groups below {}", path.display()),
        Together::Marks => {
            "processes are kept together by group, parent and environment: no control group of version 2 \
                            may be written to"
                .to_owned()
        }
    };
    world.journal.note(Event::new("start.together", text).level(Level::Debug));
}

fn tell(world: &World, found: &[Leftover]) {
    let text = format!("{} of an earlier start: {}; ending them", count(found.len(), "process"), named(found));
    world.journal.note(Event::new("start.leftovers", text).level(Level::Warn).with("processes", found.len()));
}

fn unkillable(left: &[Leftover]) -> Finding {
    Finding::error("an earlier start has left processes that do not end")
        .seen(named(left))
        .hint("they hang in the kernel, as a rule at a disk or a network file system that does not answer")
}

fn named(processes: &[Leftover]) -> String {
    let one = |it: &Leftover| format!("`{}` of `{}` (process {})", it.program, it.service, it.pid());
    processes.iter().map(one).collect::<Vec<_>>().join(", ")
}
