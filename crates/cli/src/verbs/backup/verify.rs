//! `mainstay backup verify`

use super::{Means, Shown, all_copies, failed, job, listed, watched, world};
use crate::{
    args::BackupVerify,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{Copy, Kind, Wanted, find};
use config::{Dependency, Target};
use report::{Finding, Outcome, Verdict};

/// Looks at one copy again, or at all of them.
pub(super) async fn verify(context: &Context, args: BackupVerify) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let chosen = match chosen(context, &world, &args).await {
        Ok(chosen) => chosen,
        Err(error) => return failed(context, &error),
    };
    let means = match Means::to_read(context, &world.app) {
        Ok(means) => means,
        Err(outcome) => return outcome,
    };
    let (mut outcome, mut seen) = (Outcome::Done, Vec::new());
    for copy in chosen {
        let (found, verified) = one(context, &world, &means, copy).await;
        outcome = outcome.and(found);
        seen.push(verified);
    }
    let shown: Vec<_> = seen.iter().map(|copy| Shown::of(copy, &context.cwd)).collect();
    let checks = |copy: &Copy| {
        let checks = copy.known().map(|manifest| manifest.checks.clone()).unwrap_or_default();
        let lines = checks.iter().map(|check| format!("  {:<16}  {}: {}\n", check.verdict, check.subject, check.seen));
        let state = copy.known().map_or_else(|| "unreadable".to_owned(), |manifest| manifest.standing.to_string());
        format!("{}: {state}\n{}", copy.id, lines.collect::<String>())
    };
    let text = if args.flags.json { listed(&shown, None) } else { seen.iter().map(checks).collect() };
    answer(context, text.trim_end(), outcome)
}

async fn chosen(context: &Context, world: &World, args: &BackupVerify) -> Result<Vec<Copy>, backup::BackupError> {
    let (all, _) = all_copies(context, world).await?;
    match args.all {
        true => Ok(all),
        false => {
            let wanted = Wanted::parse(&args.copy, &context.cwd);
            // The newest, whatever it is worth so far.
            let newest = all.first().filter(|_| wanted == Wanted::Latest).cloned();
            newest.map_or_else(|| find(&all, &wanted, &world.app.name), Ok).map(|copy| vec![copy])
        }
    }
}

/// What was found is shown, also where it is not what will be remembered of the copy.
async fn one(context: &Context, world: &World, means: &Means, copy: Copy) -> (Outcome, Copy) {
    let Some(database) = fitting(world, &copy) else {
        let finding = Finding::error(format!("the copy `{}` is of a kind of database that is not configured", copy.id));
        return (tell(context, &[finding.hint("say --database URL")], Outcome::Misused), copy);
    };
    let job = job(world, database, means);
    match watched(context, &means.progress, backup::verify(&job, &copy)).await {
        Ok(manifest) => {
            let outcome = match manifest.standing.verdict {
                Verdict::Pass => Outcome::Done,
                Verdict::Fail => Outcome::Failed,
                Verdict::CouldNotVerify | Verdict::Skipped => Outcome::Degraded,
            };
            (outcome, Copy { manifest: Ok(manifest), ..copy })
        }
        Err(error) => (failed(context, &error), copy),
    }
}

/// A database of the same kind: where there are no programs of a server, a copy is restored beside it.
fn fitting<'a>(world: &'a World, copy: &Copy) -> Option<&'a Dependency> {
    let kind = copy.known().map(|manifest| manifest.source.kind);
    let fits = |target: &Target| match kind {
        Some(Kind::Postgresql) => matches!(target, Target::Postgres(_)),
        Some(Kind::Sqlite) => matches!(target, Target::Sqlite(_)),
        None => true,
    };
    world.app.dependencies.iter().find(|it| fits(&it.target)).or_else(|| world.app.dependencies.first())
}
