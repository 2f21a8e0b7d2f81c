//! `mainstay migrate redo`

use super::{changing, done};
use crate::{args::Migrations, context::Context};
use report::{Event, Outcome};

/// Undoes the newest migration and applies it again.
pub(super) async fn redo(context: &Context, args: Migrations) -> Outcome {
    let json = args.json;
    changing(context, args, async |job| {
        let (undone, applied) = migrate::redo(job).await?;
        let text = match undone.applied.first() {
            None => "migrate: nothing to redo".to_owned(),
            Some(newest) => format!("migrate: `{}` was undone and applied again", newest.name),
        };
        let answer = serde_json::json!({ "undone": undone.applied, "applied": applied.applied });
        Ok(done(context, Event::new("migrate.done", text), json.then_some(&answer)))
    })
    .await
}
