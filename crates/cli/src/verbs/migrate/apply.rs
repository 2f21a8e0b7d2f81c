//! `mainstay migrate apply`

use super::{changing, done};
use crate::{args::MigrateApply, context::Context};
use report::{Event, Outcome};

/// Applies one file by hand.
pub(super) async fn apply(context: &Context, args: MigrateApply) -> Outcome {
    let (json, file) = (args.flags.json, context.cwd.join(&args.file));
    changing(context, args.flags, async |job| {
        let report = migrate::by_hand(job, &file).await?;
        Ok(done(context, Event::new("migrate.done", format!("migrate: {report}")), json.then_some(&report)))
    })
    .await
}
