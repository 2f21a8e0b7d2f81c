//! `mainstay migrate down`

use super::{changing, done};
use crate::{args::MigrateDown, context::Context};
use migrate::{Back, Version};
use report::{Event, Outcome, count, seconds};

/// Undoes the newest migrations.
pub(super) async fn down(context: &Context, args: MigrateDown) -> Outcome {
    let json = args.flags.json;
    let back = match (&args.to, args.all) {
        (Some(version), _) => Back::To(Version::from(version.as_str())),
        (None, true) => Back::All,
        (None, false) => Back::Steps(args.steps.unwrap_or(1)),
    };
    changing(context, args.flags, async |job| {
        let report = migrate::down(job, &back).await?;
        let took = report.applied.iter().map(|undone| undone.took).sum();
        let text = match report.applied.len() {
            0 => "migrate: nothing to undo".to_owned(),
            number => format!("migrate: undone {} in {}", count(number, "migration"), seconds(took)),
        };
        let undone = serde_json::json!({ "undone": report.applied, "attempts": report.attempts });
        Ok(done(context, Event::new("migrate.done", text), json.then_some(&undone)))
    })
    .await
}
