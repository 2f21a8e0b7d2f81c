//! `mainstay migrate lint`

use super::{failed, no_migrations, world};
use crate::{
    args::{MigrateLint, Migrations},
    context::Context,
    start::World,
    verbs::{answer, tell},
};
use migrate::lint::{Question, Which};
use report::Outcome;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Looks at migrations before they are applied; waits for nothing.
pub(super) async fn lint(context: &Context, args: MigrateLint) -> Outcome {
    let json = args.flags.json;
    let which = match (args.all, args.files.is_empty()) {
        (true, _) => Which::All,
        (false, true) => Which::Pending,
        (false, false) => Which::Files(args.files.iter().map(|file| context.cwd.join(file)).collect()),
    };
    let world = match world_of(context, args.flags, &args.files) {
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

/// Where nothing says which directory is meant, it is that of the files.
fn world_of(context: &Context, flags: Migrations, files: &[PathBuf]) -> Result<Arc<World>, Outcome> {
    let found = world(context, flags.clone())?;
    let dir = files.first().and_then(|file| file.parent()).filter(|_| found.app.migrations.is_none());
    match dir {
        Some(dir) if dir == Path::new("") => world(context, Migrations { dir: Some(".".into()), ..flags }),
        Some(dir) => world(context, Migrations { dir: Some(dir.to_owned()), ..flags }),
        None => Ok(found),
    }
}
