//! `mainstay backup now`

use super::{Means, Shown, databases, failed, gate, job, listed, policy, world_with};
use crate::{
    args::BackupNow,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{Attempt, BackupError, Copy, Manifest, Request, Why, prune, take};
use config::{Dependency, Overrides};
use report::{Finding, Outcome, Verdict};
use std::path::PathBuf;

/// Takes a copy of each database. One that fails does not keep the others from being copied.
pub(super) async fn now(context: &Context, args: BackupNow) -> Outcome {
    let flags = Overrides {
        backup_keep: args.keep.clone(),
        backup_recipients: args.recipients.clone(),
        name: args.as_started.name.clone(),
        data: args.as_started.data.clone(),
        env_files: args.as_started.env_files.clone(),
        ..Overrides::default()
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
            Ok(manifest) => {
                outcome = outcome.and(worth(&manifest, &request));
                copies.extend(Copy::at(&path(&world, &manifest)));
            }
            Err(failure) => outcome = outcome.and(failure.outcome),
        }
    }
    if copies.is_empty() {
        return outcome;
    }
    let shown: Vec<_> = copies.iter().map(|copy| Shown::of(copy, &context.cwd)).collect();
    let paths: String = shown.iter().map(|copy| format!("{}\n", copy.path)).collect();
    answer(context, if args.flags.json { listed(&shown, None) } else { paths }.trim_end(), outcome)
}

/// Why there is no copy; it was told.
struct Untaken {
    outcome: Outcome,
    reason: String,
}

async fn one(context: &Context, world: &World, database: &Dependency, request: &Request) -> Result<Manifest, Untaken> {
    let because = |reason: &'static str| move |outcome| Untaken { outcome, reason: reason.to_owned() };
    gate(context, world, database).await.map_err(because("the database was not ready"))?;
    let means =
        Means::to_write(context, &world.app).map_err(because("the keys of `[backup.encrypt]` cannot be used"))?;
    let job = job(world, database, &means);
    let manifest = take(&job, request).await.map_err(|error| untaken(context, &error))?;
    if manifest.is_verified() && world.app.backup.prunes {
        let policy = policy(&world.app);
        let planned = prune(&job, &manifest.source.id, &policy, |plan| !plan.is_drastic());
        let plan = planned.map_err(|error| untaken(context, &error))?;
        if plan.is_drastic() {
            let warning = Finding::warning(format!(
                "{} of {} VERIFIED copies need not be kept, and so many are not removed unasked",
                plan.verified_removed, plan.verified
            ));
            tell(
                context,
                &[warning.hint("`mainstay backup prune --dry-run`, then `mainstay backup prune --yes`")],
                Outcome::Done,
            );
        }
    }
    Ok(manifest)
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
    taken: &Result<Manifest, Untaken>,
) {
    let app = &world.app;
    if !app.keeps_data || (request.unproven && taken.is_ok()) {
        return;
    }
    let (path, now) = (app.backup_file(&database.name), context.now());
    let (copy, reason) = match taken {
        Ok(manifest) => (Some((manifest.source.id.clone(), manifest.id)), unproven(manifest)),
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

fn path(world: &World, manifest: &Manifest) -> PathBuf {
    world.app.backup.to.join(&world.app.name).join(&manifest.source.id).join(manifest.id.to_string())
}
