//! What the machine has left, looked at once an hour: memory, the disks of our data and of the databases, and what services use.

use super::World;
use config::App;
use health::Reading;
use host::{fs::room, proc::Process};
use report::{Event, Journal, Level, Verdict, bytes};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Duration,
};
use supervise::Handle;
use tokio::time::sleep;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(3600);

/// Looks now, and then once an hour, for ever (S1.18).
pub(super) async fn take(world: Arc<World>, handle: Handle) {
    loop {
        let (journal, disks) = (&world.journal, disks(&world.app).await);
        world.disks.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&disks);
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

/// What `/metrics` says of the machine and of the journal at this moment.
pub(super) fn readings(world: &World) -> Vec<Reading> {
    let mut readings = Vec::new();
    if let Some(memory) = host::memory() {
        readings.push(Reading::gauge("mainstay_memory_total_bytes", "Memory of the machine", memory.total));
        let help = "Memory that could be had without swapping";
        readings.push(Reading::gauge("mainstay_memory_available_bytes", help, memory.available));
    }
    let own = Process::this().rss().unwrap_or_default();
    readings.push(Reading::gauge("mainstay_resident_bytes", "Memory of mainstay itself", own));
    let disks = world.disks.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let rooms: Vec<_> = disks.iter().filter_map(|(whose, path)| Some((whose, room(path)?))).collect();
    let of = |name, help, whose: &String, value| Reading::gauge(name, help, value).labelled("of", whose);
    let (size, free) = ("Room of the file system", "Room that is left on the file system");
    readings.extend(rooms.iter().map(|(whose, room)| of("mainstay_disk_size_bytes", size, whose, room.total)));
    readings.extend(rooms.iter().map(|(whose, room)| of("mainstay_disk_free_bytes", free, whose, room.free)));
    readings.extend(journal(world));
    readings
}

fn journal(world: &World) -> Vec<Reading> {
    let Some(seen) = world.ring.journal().map(|journal| journal.condition()) else { return Vec::new() };
    let up = u64::from(seen.verdict == Verdict::Pass);
    vec![
        Reading::gauge("mainstay_journal_up", "What happens is remembered", up),
        Reading::gauge("mainstay_journal_size_bytes", "Size of the journal", seen.bytes),
        Reading::total("mainstay_journal_dropped", "Events that were left out of the journal", seen.dropped),
    ]
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
    let one = |(name, usage): (String, supervise::ServiceUsage)| {
        let memory = usage.memory?.bytes();
        let text = format!("{name} takes {} memory", bytes(memory));
        let event = snapshot("machine.service", text).with("service", name).with("memory_bytes", memory);
        Some(event.with("cpu_seconds", usage.cpu.as_secs_f64()).with("processes", usage.processes))
    };
    handle.usage().into_iter().filter_map(one).collect()
}

fn snapshot(name: &'static str, text: String) -> Event {
    Event::new(name, text).level(Level::Debug)
}
