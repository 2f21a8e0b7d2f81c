//! What the machine has left, looked at once an hour: memory, the disks of our data and of the databases, and what services use.

use super::World;
use config::App;
use host::{fs::room, proc::Process};
use report::{Event, Journal, Level, bytes};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};
use supervise::Handle;
use tokio::time::sleep;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(3600);

/// Looks now, and then once an hour, for ever (S1.18).
pub(super) async fn take(world: Arc<World>, handle: Handle) {
    loop {
        let (journal, disks) = (&world.journal, disks(&world.app).await);
        memory().into_iter().for_each(|event| journal.note(event));
        disks.into_iter().filter_map(|(whose, path)| disk(&whose, &path)).for_each(|event| journal.note(event));
        services(&handle).into_iter().for_each(|event| journal.note(event));
        sleep(EVERY).await;
    }
}

fn memory() -> Option<Event> {
    let memory = host::memory()?;
    let own = Process::this().rss().unwrap_or_default();
    let (free, all) = (bytes(memory.available), bytes(memory.total));
    let text = format!("{free} of {all} memory are available; mainstay itself takes {}", bytes(own));
    let event = snapshot("machine.memory", text)
        .with("total_bytes", memory.total)
        .with("available_bytes", memory.available)
        .with("swapped_bytes", memory.swapped)
        .with("own_bytes", own);
    Some(memory.pressure.into_iter().fold(event, |event, pressure| event.with("pressure_percent", pressure)))
}

/// The directory of our data, and those of databases that lie on other file systems of this machine.
async fn disks(app: &App) -> Vec<(String, PathBuf)> {
    let mut disks = vec![("data".to_owned(), app.data.clone())];
    for dependency in &app.dependencies {
        if let Some(home) = probe::home(&dependency.target).await {
            disks.push((dependency.name.clone(), home));
        }
    }
    let mut seen = BTreeSet::new();
    disks.retain(|(_, path)| room(path).is_some_and(|room| seen.insert(room.device)));
    disks
}

fn disk(whose: &str, path: &std::path::Path) -> Option<Event> {
    let room = room(path)?;
    let (free, all) = (bytes(room.free), bytes(room.total));
    let event = snapshot("machine.disk", format!("{free} of {all} are free at `{}`", path.display()));
    let event = event.with("subject", whose).with("path", path.display().to_string());
    Some(event.with("total_bytes", room.total).with("free_bytes", room.free))
}

fn services(handle: &Handle) -> Vec<Event> {
    let one = |status: supervise::ServiceStatus| {
        let process = Process::new(status.pid?);
        let (memory, cpu) = (process.rss()?, process.cpu().unwrap_or_default());
        let text = format!("{} takes {} memory", status.name, bytes(memory));
        let event = snapshot("machine.service", text).with("service", status.name);
        Some(event.with("memory_bytes", memory).with("cpu_seconds", cpu.as_secs_f64()))
    };
    handle.snapshot().into_iter().filter_map(one).collect()
}

fn snapshot(name: &'static str, text: String) -> Event {
    Event::new(name, text).level(Level::Debug)
}
