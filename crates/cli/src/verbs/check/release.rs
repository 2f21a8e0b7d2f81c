//! What a release needs besides (S2.20): room, copies and connections for two generations.

use super::{check_of, with_hint};
use crate::start::World;
use backup::{Attempt, Copy, Protection, copies};
use config::{Target, dsn::PostgresDsn};
use database::postgres::{Connections, connections};
use deploy::{Site, store};
use report::{Check, Verdict, bytes};
use std::time::Duration;

/// One question takes no longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn look(world: &World) -> Vec<Check> {
    let mut checks = vec![disk(world)];
    checks.extend(backups(world));
    for dependency in &world.app.dependencies {
        if let Target::Postgres(dsn) = &dependency.target {
            checks.push(connections_of(&dependency.name, dsn).await);
        }
    }
    if world.app.proxy.as_ref().is_none_or(|proxy| proxy.tls.is_none()) {
        checks.push(check_of(
            "certificate",
            Verdict::Skipped,
            "none is named in mainstay.toml: `mainstay proxy` has its own",
        ));
    }
    checks
}

fn disk(world: &World) -> Check {
    match store::room(&Site::of(&world.app)) {
        Ok(room) => {
            let free = room.free.map_or_else(|| "an unknown number of bytes".to_owned(), bytes);
            let seen = format!("{free} are free, and {} may be needed", bytes(room.needed));
            match room.is_enough() {
                Some(true) => check_of("room", Verdict::Pass, seen),
                Some(false) => with_hint(check_of("room", Verdict::Fail, seen), "make room, or keep fewer releases"),
                None => check_of("room", Verdict::CouldNotVerify, seen),
            }
        }
        Err(error) => check_of("room", Verdict::CouldNotVerify, error.to_string()),
    }
}

/// How well each database is protected.
fn backups(world: &World) -> Vec<Check> {
    let app = &world.app;
    if app.backup.databases.is_empty() {
        return vec![check_of("backup", Verdict::Skipped, "there is no database that could be copied")];
    }
    match copies(&app.backup.to, &app.name) {
        Ok(all) => app.backup.databases.iter().filter_map(|name| protection(world, name, &all)).collect(),
        Err(error) => vec![check_of("backup", Verdict::CouldNotVerify, error.to_string())],
    }
}

fn protection(world: &World, name: &str, all: &[Copy]) -> Option<Check> {
    let (app, now) = (&world.app, world.now());
    let attempt = Attempt::read(&app.backup_file(name)).ok().flatten();
    let protection = Protection::of(&app.dependency(name)?.target, all, attempt.as_ref());
    let from = protection.newest.as_ref().map_or(now, |newest| newest.taken);
    let limit = app.backup.stale_after(from);
    let stale = protection.is_stale(limit, now, now);
    let subject = format!("backup of {name}");
    let seen = protection.complaint(limit, now, now).or_else(|| {
        let age = report::age(protection.age(now)?);
        Some(format!("the newest VERIFIED copy is {age} old"))
    });
    let hint = "`mainstay backup now` takes one and proves it";
    Some(match protection.newest {
        Some(_) => {
            let check = check_of(subject, protection.verdict(stale), seen.unwrap_or_default());
            if check.verdict == Verdict::Pass { check } else { with_hint(check, hint) }
        }
        None => {
            with_hint(check_of(subject, Verdict::Fail, seen.unwrap_or("there is no VERIFIED copy".to_owned())), hint)
        }
    })
}

/// While two generations run, both have their connections.
async fn connections_of(name: &str, dsn: &PostgresDsn) -> Check {
    let subject = format!("connections of {name}");
    match connections(dsn, "mainstay check", PATIENCE).await {
        Ok(counted) => {
            let Connections { most, open, ours } = counted;
            let seen = format!("{open} of {most} are open, {ours} of them ours; a release needs as many again");
            match counted.fit_twice() {
                true => check_of(subject, Verdict::Pass, seen),
                false => {
                    let hint =
                        "raise `max_connections`, use smaller pools, or put a pooler such as PgBouncer before it";
                    with_hint(check_of(subject, Verdict::Fail, seen), hint)
                }
            }
        }
        Err(why) => check_of(subject, Verdict::CouldNotVerify, why),
    }
}
