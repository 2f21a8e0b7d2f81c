//! `mainstay migrate up`

use super::{changing_in, done, interruptible, rehearse::rehearse, world};
use crate::{args::MigrateUp, context::Context, start::World, verbs::answer};
use config::Access;
use migrate::{Goal, Job, MigrateError, Report, Version};
use report::{Event, Journal, Outcome, count};
use std::time::Duration;
use tokio::time::timeout;

/// The first look takes no longer.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Waits for the database, then applies what is pending.
pub(super) async fn up(context: &Context, args: MigrateUp) -> Outcome {
    let (json, dry_run, how) = (args.flags.json, args.dry_run, args.rehearse);
    let goal = match (&args.to, args.one, args.seed) {
        (Some(version), ..) => Goal::To(Version::from(version.as_str())),
        (None, true, _) => Goal::One,
        (None, false, true) => Goal::Seeds,
        (None, false, false) => Goal::All,
    };
    let world = match world(context, args.flags) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    if !dry_run && how.is_none() && is_current(&world, &goal).await {
        let report = Report { attempts: 1, ..Report::default() };
        let event = Event::new("migrate.done", format!("migrate: {report}")).with("applied", 0_usize);
        return done(context, event, json.then_some(&report));
    }
    match (how, dry_run) {
        (Some(how), _) => {
            interruptible(context, &world, Access::ReadWrite, async |job| {
                rehearse(context, job, &goal, how, json).await
            })
            .await
        }
        (None, true) => {
            interruptible(context, &world, Access::ReadOnly, async |job| announce(context, job, &goal, json).await)
                .await
        }
        (None, false) => changing_in(context, &world, async |job| apply(context, job, &goal, json).await).await,
    }
}

/// A first look without the gate, for that is what most starts come to. Whatever stands in its way is waited for behind the gate.
async fn is_current(world: &World, goal: &Goal) -> bool {
    let Some(job) = world.job() else { return false };
    matches!(timeout(FIRST_LOOK, migrate::is_current(&job, goal)).await, Ok(Ok(true)))
}

async fn apply(context: &Context, job: &Job<'_>, goal: &Goal, json: bool) -> Result<Outcome, MigrateError> {
    let report = migrate::up(job, goal).await?;
    let event = Event::new("migrate.done", format!("migrate: {report}")).with("applied", report.applied.len());
    Ok(done(context, event, json.then_some(&report)))
}

/// What would be applied, one name a line.
async fn announce(context: &Context, job: &Job<'_>, goal: &Goal, json: bool) -> Result<Outcome, MigrateError> {
    let pending = migrate::pending(job, goal).await?;
    let text = match &pending {
        None => "an external command keeps to itself what is pending".to_owned(),
        Some(pending) => format!("migrate: {} would be applied", count(pending.len(), "migration")),
    };
    context.terminal.note(Event::new("migrate.dry-run", text));
    let pending: Vec<_> = pending.unwrap_or_default();
    Ok(match json {
        true => answer(context, &serde_json::json!({ "pending": pending }).to_string(), Outcome::Done),
        false if pending.is_empty() => Outcome::Done,
        false => {
            let names: Vec<_> = pending.iter().map(|pending| pending.name.as_str()).collect();
            answer(context, &names.join("\n"), Outcome::Done)
        }
    })
}
