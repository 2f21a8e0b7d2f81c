//! `mainstay backup verify`

use super::{Shown, failed, ground, job, listed, world};
use crate::{
    args::BackupVerify,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{Copy, Kind, Wanted, copies, find};
use config::{Dependency, Target};
use report::{Finding, Outcome, Verdict};

/// Looks at one copy again, or at all of them.
pub(super) async fn verify(context: &Context, args: BackupVerify) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let chosen = match chosen(context, &world, &args) {
        Ok(chosen) => chosen,
        Err(error) => return failed(context, &error),
    };
    let (mut outcome, mut seen) = (Outcome::Done, Vec::new());
    for copy in chosen {
        outcome = outcome.and(one(context, &world, &copy).await);
        seen.extend(Copy::at(&copy.path));
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

fn chosen(context: &Context, world: &World, args: &BackupVerify) -> Result<Vec<Copy>, backup::BackupError> {
    let all = copies(&world.app.backup.to, &world.app.name)?;
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

async fn one(context: &Context, world: &World, copy: &Copy) -> Outcome {
    let Some(database) = fitting(world, copy) else {
        let finding = Finding::error(format!("the copy `{}` is of a kind of database that is not configured", copy.id));
        return tell(context, &[finding.hint("say --database URL")], Outcome::Misused);
    };
    let ground = ground(&world.app);
    match backup::verify(&job(world, database, &ground), copy).await {
        Ok(manifest) => match manifest.standing.verdict {
            Verdict::Pass => Outcome::Done,
            Verdict::Fail => Outcome::Failed,
            Verdict::CouldNotVerify | Verdict::Skipped => Outcome::Degraded,
        },
        Err(error) => failed(context, &error),
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
