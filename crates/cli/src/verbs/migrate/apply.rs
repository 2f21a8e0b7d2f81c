//! `mainstay migrate apply`

use super::{changing, done, failed, world};
use crate::{args::MigrateApply, context::Context};
use report::{Event, Outcome};

/// Applies one file by hand.
pub(super) async fn apply(context: &Context, args: MigrateApply) -> Outcome {
    let (json, file) = (args.flags.json, context.cwd.join(&args.file));
    let world = match world(context, args.flags) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    changing(context, &world, |job| async move {
        match migrate::by_hand(&job, &file).await {
            Ok(report) => {
                done(context, Event::new("migrate.done", format!("migrate: {report}")), json.then_some(&report))
            }
            Err(error) => failed(context, &error),
        }
    })
    .await
}
