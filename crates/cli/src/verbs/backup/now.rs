//! `mainstay backup now`

use super::{Means, Shown, databases, failed, gate, job, listed, policy, world_with};
use crate::{
    args::BackupNow,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{Copy, Manifest, Request, Why, prune, take};
use config::{Dependency, Overrides};
use report::{Finding, Outcome, Verdict};
use std::path::PathBuf;

/// Takes a copy of each database. One that fails does not keep the others from being copied.
pub(super) async fn now(context: &Context, args: BackupNow) -> Outcome {
    let flags = Overrides {
        backup_keep: args.keep.clone(),
        backup_recipients: args.recipients.clone(),
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
        match one(context, &world, database, &request).await {
            Ok(manifest) => {
                outcome = outcome.and(worth(&manifest, &request));
                copies.extend(Copy::at(&path(&world, &manifest)));
            }
            Err(failed) => outcome = outcome.and(failed),
        }
    }
    if copies.is_empty() {
        return outcome;
    }
    let shown: Vec<_> = copies.iter().map(|copy| Shown::of(copy, &context.cwd)).collect();
    let paths: String = shown.iter().map(|copy| format!("{}\n", copy.path)).collect();
    answer(context, if args.flags.json { listed(&shown, None) } else { paths }.trim_end(), outcome)
}

async fn one(context: &Context, world: &World, database: &Dependency, request: &Request) -> Result<Manifest, Outcome> {
    gate(context, world, database).await?;
    let means = Means::to_write(context, &world.app)?;
    let job = job(world, database, &means);
    let manifest = take(&job, request).await.map_err(|error| failed(context, &error))?;
    if manifest.is_verified() && world.app.backup.prunes {
        let policy = policy(&world.app);
        let planned = prune(&job, &manifest.source.id, &policy, |plan| !plan.is_drastic());
        let plan = planned.map_err(|error| failed(context, &error))?;
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
