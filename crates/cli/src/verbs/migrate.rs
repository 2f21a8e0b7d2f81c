//! `mainstay migrate up` and `mainstay migrate status`

use crate::{
    args::{Migrations, Place},
    check::home_of_databases,
    context::Context,
    load::{FILE_NAME, Need, Reading, load, named_by_variable},
    start::World,
    words,
};
use config::Overrides;
use host::signals::Signals;
use migrate::Status;
use probe::gate::GateError;
use report::{Event, Finding, Journal, Outcome};
use std::sync::Arc;

/// Waits for the database, then applies what is pending.
pub(super) async fn up(context: &Context, args: Migrations) -> Outcome {
    let (json, world) = match prepare(context, args) {
        Ok(prepared) => prepared,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return super::tell(context, &[Finding::error("no signals").because(&error)], Outcome::Failed),
    };
    tokio::select! {
        outcome = apply(context, &world, json) => outcome,
        _ = signals.next() => Outcome::Interrupted,
    }
}

async fn apply(context: &Context, world: &World, json: bool) -> Outcome {
    let Some(job) = world.job() else { return super::tell(context, &[no_migrations()], Outcome::Misused) };
    if let Err(error) = migrate::check(&world.app) {
        return super::tell(context, &error.findings(), error.outcome());
    }
    if let Err(finding) = home_of_databases(&world.app) {
        return super::tell(context, &[finding], Outcome::Misused);
    }
    if let Err(error) = gate(context, world).await {
        return super::tell(context, &[Finding::from(&error)], error.outcome());
    }
    match migrate::up(&job, &migrate::Goal::All).await {
        Ok(report) => {
            let text = format!("migrate: {report}");
            context.terminal.note(Event::new("migrate.done", text).with("applied", report.applied.len()));
            match json {
                true => super::answer(context, &serde_json::json!(report).to_string(), Outcome::Done),
                false => Outcome::Done,
            }
        }
        Err(error) => super::tell(context, &error.findings(), error.outcome()),
    }
}

/// What is applied and what is pending.
pub(super) async fn status(context: &Context, args: Migrations) -> Outcome {
    let exit_code = args.exit_code;
    let (json, world) = match prepare(context, args) {
        Ok(prepared) => prepared,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    let Some(job) = world.job() else { return super::tell(context, &[no_migrations()], Outcome::Misused) };
    if let Err(error) = gate(context, &world).await {
        return super::tell(context, &[Finding::from(&error)], error.outcome());
    }
    match migrate::status(&job).await {
        Ok(status) => show(context, &status, json, exit_code),
        Err(error) => super::tell(context, &error.findings(), error.outcome()),
    }
}

fn show(context: &Context, status: &Status, json: bool, exit_code: bool) -> Outcome {
    let outcome = match status.counts {
        counts if counts.conflicts > 0 => Outcome::Failed,
        counts if counts.pending > 0 && exit_code => Outcome::Degraded,
        _ => Outcome::Done,
    };
    let text = if json { format!("{:#}", serde_json::json!(status)) } else { words::status(status) };
    super::answer(context, &text, outcome)
}

async fn gate(context: &Context, world: &World) -> Result<(), GateError> {
    let Some(database) = world.app.migrations.as_ref().and_then(|it| world.app.dependency(&it.database)) else {
        return Ok(());
    };
    probe::gate::wait(database, &world.probes, &*context.terminal).await.map(drop)
}

fn prepare(context: &Context, args: Migrations) -> Result<(bool, Arc<World>), Vec<Finding>> {
    let json = args.json;
    let (place, flags) = place_and_flags(context, args);
    let app = load(context, &place, flags, Need::Anything, Reading::Lenient)?.app;
    Ok((json, World::new(context, app)))
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
    let flags = Overrides {
        databases: args.database.into_iter().collect(),
        dir: args.dir.filter(|_| !of_app).map(|dir| dir.display().to_string()),
        migrate: args.command,
        migrate_attempts: args.patience.attempts.clone(),
        migrate_interval: args.patience.interval.clone(),
        ..super::patience(args.patience)
    };
    (place, flags)
}

fn no_migrations() -> Finding {
    Finding::error("there are no migrations to look at")
        .hint("write `[migrations]` into mainstay.toml, or say --database URL and --dir DIR or --command COMMAND")
}
