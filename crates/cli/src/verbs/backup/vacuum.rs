//! `mainstay backup vacuum`

use super::{Means, databases, failed, gate, job, world_with};
use crate::{
    args::BackupVacuum,
    context::{Context, tell},
    start::World,
    turn::turn,
    verbs::answer,
};
use backup::Swept;
use config::{Dependency, Target};
use report::{Finding, Outcome};
use serde_json::{Value, json};

/// Vacuums and analyzes each SQLite database. One that fails does not keep the others from it.
pub(super) async fn vacuum(context: &Context, args: BackupVacuum) -> Outcome {
    let world = match world_with(context, &args.flags, args.as_started.overrides()) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let databases = match databases(&world.app, &args.flags) {
        Ok(databases) => databases,
        Err(finding) => return tell(context, &[finding], Outcome::Misused),
    };
    let of_sqlite: Vec<_> = databases.into_iter().filter(|it| matches!(it.target, Target::Sqlite(_))).collect();
    if of_sqlite.is_empty() {
        let finding = Finding::error("there is no SQLite database to vacuum");
        return tell(context, &[finding.hint("PostgreSQL does so by itself (autovacuum)")], Outcome::Misused);
    }
    let (mut outcome, mut seen) = (Outcome::Done, Vec::new());
    for database in of_sqlite {
        match one(context, &world, database).await {
            Ok(swept) => seen.extend(swept.map(|swept| json!({ "database": database.name, "vacuum": swept }))),
            Err(failure) => outcome = outcome.and(failure),
        }
    }
    // What is now true was told by events.
    if args.flags.json { answer(context, &format!("{:#}", Value::Array(seen)), outcome) } else { outcome }
}

async fn one(context: &Context, world: &World, database: &Dependency) -> Result<Option<Swept>, Outcome> {
    gate(context, world, database).await?;
    let means = Means::to_write(context, &world.app)?;
    let busy = turn(world, database, "mainstay backup vacuum").await;
    let _turn = busy.map_err(|busy| tell(context, &[busy.finding()], busy.outcome()))?;
    backup::vacuum(&job(world, database, &means)).await.map_err(|error| failed(context, &error))
}
