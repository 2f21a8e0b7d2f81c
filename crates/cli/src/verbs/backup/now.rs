//! `mainstay backup now`

use super::{Means, Shown, databases, failed, gate, job, listed, policy, watched, world_with};
use crate::{
    args::BackupNow,
    context::{Context, tell},
    start::World,
    turn::turn,
    verbs::answer,
};
use backup::{Attempt, BackupError, Job, Manifest, Remote, Request, Taken, Why, prune, prune_in, retain::Plan, take};
use config::{Dependency, Overrides};
use report::{Finding, Outcome, Verdict};

/// Takes a copy of each database. One that fails does not keep the others from being copied.
pub(super) async fn now(context: &Context, args: BackupNow) -> Outcome {
    let flags = Overrides {
        backup_keep: args.keep.clone(),
        backup_recipients: args.recipients.clone(),
        ..args.as_started.overrides()
    };
    let world = match world_with(context, &args.flags, flags) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let databases = match databases(&world.app, &args.flags) {
        Ok(databases) => databases,
        Err(finding) => return tell(context, &[finding], Outcome::Misused),
    };
    let why = if args.scheduled { Why::Scheduled } else { Why::Asked };
    let request = Request { why, pin: args.pin.clone(), unproven: args.unproven };
    let (mut outcome, mut copies) = (Outcome::Done, Vec::new());
    for database in databases {
        let taken = one(context, &world, database, &request).await;
        remember(context, &world, database, &request, &taken);
        match taken {
            Ok(taken) => {
                let missing = taken.missing.iter().map(|error| failed(context, error));
                outcome = missing.fold(outcome, Outcome::and).and(worth(&taken.manifest, &request));
                copies.extend(taken.copies());
            }
            Err(failure) => outcome = outcome.and(failure.outcome),
        }
    }
    if copies.is_empty() {
        return outcome;
    }
    let shown = Shown::each_once(&copies, &context.cwd);
    let paths: String = shown.iter().flat_map(|copy| &copy.places).map(|place| format!("{}\n", place.path)).collect();
    answer(context, if args.flags.json { listed(&shown, None) } else { paths }.trim_end(), outcome)
}

/// Why there is no copy; it was told.
struct Untaken {
    outcome: Outcome,
    reason: String,
}

async fn one(context: &Context, world: &World, database: &Dependency, request: &Request) -> Result<Taken, Untaken> {
    let because = |reason: &'static str| move |outcome| Untaken { outcome, reason: reason.to_owned() };
    gate(context, world, database).await.map_err(because("the database was not ready"))?;
    let means =
        Means::to_write(context, &world.app).map_err(because("the keys of `[backup.encrypt]` cannot be used"))?;
    let job = job(world, database, &means);
    let _turn = turn(world, database, "mainstay backup now").await.map_err(|busy| Untaken {
        outcome: tell(context, &[busy.finding()], busy.outcome()),
        reason: busy.finding().summary,
    })?;
    let taken = watched(context, &means.progress, take(&job, request)).await;
    let taken = taken.map_err(|error| untaken(context, &error))?;
    if taken.manifest.is_verified() && world.app.backup.prunes {
        pruned(context, world, &job, &taken).await.map_err(|error| untaken(context, &error))?;
    }
    Ok(taken)
}

/// Each place to which the copy came makes room.
async fn pruned(context: &Context, world: &World, job: &Job<'_>, taken: &Taken) -> Result<(), BackupError> {
    let (policy, database) = (policy(&world.app), &taken.manifest.source.id);
    let may = |plan: &Plan| !plan.is_drastic();
    if world.app.backup.stays {
        too_many(context, &prune(job, database, &policy, may)?);
    }
    let came = |remote: &&Remote| taken.places().any(|place| place == remote.place());
    for remote in world.remotes.iter().filter(came) {
        too_many(context, &prune_in(job, remote, database, &policy, may).await?);
    }
    Ok(())
}

fn too_many(context: &Context, plan: &Plan) {
    if plan.is_drastic() {
        let numbers = format!("{} of {} VERIFIED copies", plan.verified_removed, plan.verified);
        let warning = Finding::warning(format!("{numbers} need not be kept, and so many are not removed unasked"));
        let hint = "`mainstay backup prune --dry-run`, then `mainstay backup prune --yes`";
        tell(context, &[warning.hint(hint)], Outcome::Done);
    }
}

fn untaken(context: &Context, error: &BackupError) -> Untaken {
    Untaken { outcome: failed(context, error), reason: error.to_string() }
}

/// For `mainstay status`. What was asked for without a proof says nothing of the next copy.
fn remember(
    context: &Context,
    world: &World,
    database: &Dependency,
    request: &Request,
    taken: &Result<Taken, Untaken>,
) {
    let app = &world.app;
    if !app.keeps_data || (request.unproven && taken.is_ok()) {
        return;
    }
    let (path, now) = (app.backup_file(&database.name), context.now());
    let (copy, reason) = match taken {
        Ok(Taken { manifest, missing, .. }) => {
            let missing = missing.first().map(ToString::to_string);
            (Some((manifest.source.id.clone(), manifest.id)), unproven(manifest).or(missing))
        }
        Err(failure) => (None, Some(failure.reason.clone())),
    };
    let before = Attempt::read(&path).unwrap_or_default();
    let attempt = Attempt::after(before, now, copy, reason.map(|reason| context.terminal.mask(&reason)));
    let written = host::fs::create_dir_all_private(&app.run_dir(), 0o700).and_then(|()| attempt.write(&path));
    if let Err(error) = written {
        let warning = Finding::warning("`mainstay status` will not know of this try").because(&error);
        tell(context, &[warning], Outcome::Done);
    }
}

fn unproven(manifest: &Manifest) -> Option<String> {
    let why = || manifest.standing.why.clone().unwrap_or_else(|| manifest.standing.to_string());
    (!manifest.is_verified()).then(why)
}

fn worth(manifest: &Manifest, request: &Request) -> Outcome {
    match manifest.standing.verdict {
        Verdict::Fail => Outcome::Failed,
        _ if manifest.is_verified() => Outcome::Done,
        Verdict::Skipped if request.unproven => Outcome::Done,
        _ => Outcome::Degraded,
    }
}
