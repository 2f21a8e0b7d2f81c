//! `mainstay migrate lint`

use super::{failed, no_migrations, place_and_flags, world};
use crate::{
    args::{MigrateLint, Migrations},
    context::Context,
    load::{Need, Reading, load_in_silence},
    start::World,
    verbs::{answer, tell},
};
use config::Overrides;
use migrate::lint::{Question, Which};
use report::Outcome;
use std::{path::Path, sync::Arc};

/// Stands where a database has to be named; with the version given, the linter asks no SQLite.
const NEVER_OPENED: &str = "sqlite:there-is-no-database";

/// Looks at migrations before they are applied; waits for nothing.
pub(super) async fn lint(context: &Context, args: MigrateLint) -> Outcome {
    let json = args.flags.json;
    let which = match (args.all, args.files.is_empty()) {
        (true, _) => Which::All,
        (false, true) => Which::Pending,
        (false, false) => Which::Files(args.files.iter().map(|file| context.cwd.join(file)).collect()),
    };
    let world = match world_of(context, &args) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let Some(job) = world.job() else { return tell(context, &[no_migrations()], Outcome::Misused) };
    match migrate::lint::lint(&job, &Question { which, version: args.pg_version }).await {
        Ok(linted) => {
            let text = if json { format!("{:#}", serde_json::json!(linted)) } else { linted.to_string() };
            answer(context, &text, linted.outcome())
        }
        Err(error) => failed(context, &error),
    }
}

/// Where nothing says which directory is meant, it is that of the files; and a version can stand in for a database.
fn world_of(context: &Context, args: &MigrateLint) -> Result<Arc<World>, Outcome> {
    let flags = args.flags.clone();
    let found = one_world(context, flags.clone(), args.pg_version)?;
    let dir = args.files.first().and_then(|file| file.parent()).filter(|_| found.app.migrations.is_none());
    match dir {
        Some(dir) if dir == Path::new("") => {
            one_world(context, Migrations { dir: Some(".".into()), ..flags }, args.pg_version)
        }
        Some(dir) => one_world(context, Migrations { dir: Some(dir.to_owned()), ..flags }, args.pg_version),
        None => Ok(found),
    }
}

fn one_world(context: &Context, flags: Migrations, version: Option<u32>) -> Result<Arc<World>, Outcome> {
    let (place, overrides) = place_and_flags(context, flags.clone());
    let lenient = |overrides| load_in_silence(context, &place, overrides, Need::Anything, Reading::Lenient);
    if version.is_none() || flags.database.is_some() || lenient(overrides.clone()).is_ok() {
        return world(context, flags);
    }
    let databases = vec![NEVER_OPENED.to_owned()];
    match lenient(Overrides { databases, ..overrides }) {
        Ok(loaded) => Ok(World::new(context, loaded.app)),
        Err(_) => world(context, flags),
    }
}
