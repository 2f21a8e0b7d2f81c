//! Do the new release's connections find room beside those of the old one?

use super::super::work::{Work, failed};
use config::{App, Target};
use database::postgres::{Connections, connections};
use plan::Trouble;
use report::{Event, Finding, Journal, Level};
use std::time::Duration;

/// To count them takes no longer.
const LIMIT: Duration = Duration::from_secs(5);

/// While both releases run, as many connections again may be open as the old one has. What cannot be counted, as behind a
/// pooler or without the right to see it, is told and stops nothing.
pub(super) async fn room_for_both(work: &Work<'_>, app: &App) -> Result<Vec<String>, Trouble> {
    let mut told = Vec::new();
    for dependency in &app.dependencies {
        let Target::Postgres(dsn) = &dependency.target else { continue };
        match connections(dsn, "mainstay deploy", LIMIT).await {
            Ok(seen) if !seen.fit_twice() => return Err(too_many(&dependency.name, seen)),
            Ok(seen) => {
                told.push(format!("{} of {} connections of `{}`", seen.open + seen.ours, seen.most, dependency.name))
            }
            Err(why) => {
                let text = format!("could not verify the connections of `{}`: {why}", dependency.name);
                work.context.terminal.note(Event::new("deploy.connections", text).level(Level::Warn));
            }
        }
    }
    Ok(told)
}

fn too_many(name: &str, seen: Connections) -> Trouble {
    let Connections { most, open, ours } = seen;
    let finding = Finding::error(format!("`{name}` has no room for the connections of two releases at once")).seen(
        format!("{open} of {most} are open, {ours} of them by the release that runs, and the new one needs as many"),
    );
    failed(finding.hint("raise `max_connections`, use smaller pools, or put a pooler such as PgBouncer before it"))
}
