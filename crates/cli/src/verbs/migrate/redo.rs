//! `mainstay migrate redo`

use super::{changing, done, failed, world};
use crate::{args::Migrations, context::Context};
use report::{Event, Outcome};

/// Undoes the newest migration and applies it again.
pub(super) async fn redo(context: &Context, args: Migrations) -> Outcome {
    let json = args.json;
    let world = match world(context, args) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    changing(context, &world, |job| async move {
        match migrate::redo(&job).await {
            Ok((undone, applied)) => {
                let text = match undone.applied.first() {
                    None => "migrate: nothing to redo".to_owned(),
                    Some(newest) => format!("migrate: `{}` was undone and applied again", newest.name),
                };
                let answer = serde_json::json!({ "undone": undone.applied, "applied": applied.applied });
                done(context, Event::new("migrate.done", text), json.then_some(&answer))
            }
            Err(error) => failed(context, &error),
        }
    })
    .await
}
