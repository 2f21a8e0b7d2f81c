//! `mainstay migrate`: one file for each of its verbs, and what they share.

mod apply;
mod baseline;
mod down;
mod dump;
#[cfg(feature = "lint")]
mod lint;
mod new;
mod redo;
mod rehearse;
mod repair;
mod status;
mod up;
mod verify;

use crate::{
    args::{Migrate, Migrations, Place},
    check::home_of_databases,
    context::Context,
    load::{FILE_NAME, Need, Reading, load, named_by_variable},
    start::World,
    turn::turn_within,
};
use config::{Access, Dependency, Overrides, Target};
use host::signals::Signals;
use migrate::{Job, MigrateError};
use probe::gate::GateError;
use report::{Event, Finding, Journal, Outcome};
use serde::Serialize;
use std::sync::Arc;

/// Does what was typed.
pub(super) async fn migrate(context: &Context, verb: Migrate) -> Outcome {
    match verb {
        Migrate::Up(args) => up::up(context, args).await,
        Migrate::Down(args) => down::down(context, args).await,
        Migrate::Redo(args) => redo::redo(context, args).await,
        Migrate::Status(args) => status::status(context, args).await,
        Migrate::New(args) => new::new(context, args),
        Migrate::Verify(args) => verify::verify(context, args).await,
        Migrate::Baseline(args) => baseline::baseline(context, args).await,
        Migrate::Repair(args) => repair::repair(context, args).await,
        Migrate::Apply(args) => apply::apply(context, args).await,
        Migrate::Dump(args) => dump::dump(context, args).await,
        #[cfg(feature = "lint")]
        Migrate::Lint(args) => lint::lint(context, args).await,
    }
}

/// The world that the flags describe.
fn world(context: &Context, flags: Migrations) -> Result<Arc<World>, Outcome> {
    let (place, flags) = place_and_flags(context, flags);
    match load(context, &place, flags, Need::Anything, Reading::Lenient) {
        Ok(loaded) => Ok(World::new(context, loaded.app)),
        Err(findings) => Err(super::tell(context, &findings, Outcome::Misused)),
    }
}

/// What a verb does once its database is ready. Its failure is told here.
trait Act: AsyncFnOnce(&Job<'_>) -> Result<Outcome, MigrateError> {}

impl<T: AsyncFnOnce(&Job<'_>) -> Result<Outcome, MigrateError>> Act for T {}

/// How those who wait for us call us.
const NAME: &str = "mainstay migrate";

/// Waits for the database that the flags describe, then changes it while nobody else does; a signal ends both.
async fn changing(context: &Context, flags: Migrations, act: impl Act) -> Outcome {
    match world(context, flags) {
        Ok(world) => changing_in(context, &world, act).await,
        Err(outcome) => outcome,
    }
}

/// Waits until the database that the flags describe can be read, a standby too, then reads from it; a signal ends both.
async fn reading(context: &Context, flags: Migrations, act: impl Act) -> Outcome {
    match world(context, flags) {
        Ok(world) => interruptible(context, &world, Access::ReadOnly, act).await,
        Err(outcome) => outcome,
    }
}

/// Waits until the database that the flags describe can be read, then looks at it.
async fn looking(context: &Context, flags: Migrations, act: impl Act) -> Outcome {
    match world(context, flags) {
        Ok(world) => behind_the_gate(context, &world, Access::ReadOnly, act).await,
        Err(outcome) => outcome,
    }
}

async fn changing_in(context: &Context, world: &World, act: impl Act) -> Outcome {
    let in_turn = async |job: &Job<'_>| {
        let Some(database) = world.app.dependency(&job.migrations.database) else { return act(job).await };
        match turn_within(world, database, NAME, job.migrations.lock_timeout).await {
            Ok(_turn) => act(job).await,
            Err(busy) => Ok(super::tell(context, &[busy.finding()], busy.outcome())),
        }
    };
    interruptible(context, world, Access::ReadWrite, in_turn).await
}

/// Waits until the database allows `access`, then acts; a signal ends both.
async fn interruptible(context: &Context, world: &World, access: Access, act: impl Act) -> Outcome {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return super::tell(context, &[Finding::error("no signals").because(&error)], Outcome::Failed),
    };
    tokio::select! {
        outcome = behind_the_gate(context, world, access, act) => outcome,
        _ = signals.next() => Outcome::Interrupted,
    }
}

/// What can be found wrong without the database is told before anybody waits for it.
async fn behind_the_gate(context: &Context, world: &World, access: Access, act: impl Act) -> Outcome {
    let Some(job) = world.job() else { return super::tell(context, &[no_migrations()], Outcome::Misused) };
    if let Err(error) = migrate::check(&world.app) {
        return failed(context, &error);
    }
    if let Err(finding) = home_of_databases(&world.app) {
        return super::tell(context, &[finding], Outcome::Misused);
    }
    if let Err(error) = gate(context, world, access).await {
        return super::tell(context, &[Finding::from(&error)], error.outcome());
    }
    act(&job).await.unwrap_or_else(|error| failed(context, &error))
}

async fn gate(context: &Context, world: &World, access: Access) -> Result<(), GateError> {
    let Some(database) = world.app.migrations.as_ref().and_then(|it| world.app.dependency(&it.database)) else {
        return Ok(());
    };
    let database = match access == Access::ReadOnly && is_there(database) {
        true => &Dependency { access, ..database.clone() },
        false => database,
    };
    probe::gate::wait(database, &world.probes, &*context.terminal).await.map(drop)
}

/// A SQLite database that is not there yet is no obstacle for who looks: everything is pending. There is nothing to read, though.
fn is_there(database: &Dependency) -> bool {
    match &database.target {
        Target::Sqlite(path) => host::fs::metadata(path).is_ok(),
        _ => true,
    }
}

fn failed(context: &Context, error: &MigrateError) -> Outcome {
    super::tell(context, &error.findings(), error.outcome())
}

/// The last line of a verb that changed something, and its answer as data.
fn done(context: &Context, event: Event, json: Option<&impl Serialize>) -> Outcome {
    context.terminal.note(event);
    match json {
        Some(answer) => super::answer(context, &serde_json::json!(answer).to_string(), Outcome::Done),
        None => Outcome::Done,
    }
}

/// `--dir` is the application's directory when it holds a `mainstay.toml`, else that of the migrations.
fn place_and_flags(context: &Context, args: Migrations) -> (Place, Overrides) {
    let of_app = args.dir.as_ref().is_some_and(|dir| context.cwd.join(dir).join(FILE_NAME).is_file());
    let named = args.config.is_some() || named_by_variable(context);
    let standalone = args.database.is_some() && !named && !of_app;
    let place = match standalone {
        true => Place::nowhere(),
        false => Place { dir: args.dir.clone().filter(|_| of_app), config: args.config, nowhere: false },
    };
    let allow = |yes: bool| yes.then(|| "allow".to_owned());
    let flags = Overrides {
        databases: args.database.into_iter().collect(),
        dir: args.dir.filter(|_| !of_app).map(|dir| dir.display().to_string()),
        migrate: args.command,
        migrate_attempts: args.patience.attempts.clone(),
        migrate_interval: args.patience.interval.clone(),
        style: args.style,
        table: args.table,
        out_of_order: allow(args.out_of_order),
        missing: allow(args.allow_missing),
        changed: allow(args.allow_changed),
        newer: allow(args.allow_newer),
        ..super::patience(args.patience)
    };
    (place, flags)
}

fn no_migrations() -> Finding {
    Finding::error("there are no migrations to look at")
        .hint("write `[migrations]` into mainstay.toml, or say --database URL and --dir DIR or --command COMMAND")
}
