//! A copy of the databases that was restored and compared, before anything of them changes.

use super::super::work::{Did, Work, failed};
use crate::start::World;
use crate::trouble::of_backup;
use crate::verbs::backup::{Means, gate, job};
use ::backup::{Manifest, Request, Why, take};
use ::deploy::ReleaseId;
use config::{BackupWhen, Dependency, Target};
use plan::Trouble;
use report::{Finding, bytes};

/// What the pins of copies begin with that were taken before a release.
const PIN: &str = "release ";

/// Copies the database that is migrated, or all where that is wanted. Without a VERIFIED copy nothing goes on.
pub(in crate::release) async fn backup(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let when = if work.wish.clean { BackupWhen::Always } else { work.deploy().backup };
    let databases = databases(&world, when);
    let (mut ids, mut size) = (Vec::new(), 0);
    for database in databases {
        let manifest = one(work, &world, database).await?;
        work.record.backup = Some(manifest.id.to_string());
        size += manifest.bytes();
        ids.push(manifest.id.to_string());
    }
    match ids.is_empty() {
        true => Ok("there is no database yet that could be copied".to_owned()),
        false => Ok(format!("VERIFIED {} ({})", ids.join(", "), bytes(size))),
    }
}

pub(super) fn databases(world: &World, when: BackupWhen) -> Vec<&Dependency> {
    let app = &world.app;
    let migrated = app.migrations.iter().map(|migrations| &migrations.database);
    let all = app.backup.databases.iter().filter(|_| when == BackupWhen::Always);
    let mut names: Vec<_> = all.chain(migrated).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter_map(|name| app.dependency(name)).filter(|it| is_there(it)).collect()
}

/// An SQLite database is made by whoever writes to it first.
fn is_there(database: &Dependency) -> bool {
    !matches!(&database.target, Target::Sqlite(path) if host::fs::metadata(path).is_err())
}

async fn one(work: &Work<'_>, world: &World, database: &Dependency) -> Result<Manifest, Trouble> {
    let untaken = |outcome| Trouble { outcome, findings: vec![no_copy(&database.name)] };
    gate(work.context, world, database).await.map_err(untaken)?;
    let means = Means::to_write(work.context, &world.app).map_err(untaken)?;
    let job = job(world, database, &means);
    let request = Request { why: Why::BeforeDeploy, pin: Some(pin_of(work.record.id)), unproven: false };
    let taken = take(&job, &request).await;
    let taken = taken.map_err(of_backup)?;
    // That it is not everywhere where it should be is told, and stops nothing.
    taken.missing.iter().for_each(|error| work.context.terminal.finding(&error.finding()));
    let manifest = taken.manifest;
    match manifest.is_verified() {
        true => Ok(manifest),
        false => {
            let why = manifest.standing.why.clone().unwrap_or_else(|| manifest.standing.to_string());
            Err(failed(no_copy(&database.name).seen(why)))
        }
    }
}

/// Why a copy is kept: a rollback may need it as long as the release is there.
pub(super) fn pin_of(id: ReleaseId) -> String {
    format!("{PIN}{id}")
}

/// The release for which a copy is kept.
pub(super) fn released(pin: &str) -> Option<ReleaseId> {
    pin.strip_prefix(PIN)?.parse().ok()
}

fn no_copy(name: &str) -> Finding {
    Finding::error(format!("there is no VERIFIED copy of `{name}`, so it is not migrated"))
        .hint("`mainstay backup now` tries it alone; `[deploy] backup = \"never\"` goes without")
}
