//! `mainstay migrate status`

use super::looking;
use crate::{args::MigrateStatus, context::Context, verbs::answer, words};
use migrate::Status;
use report::Outcome;

/// What is applied and what is pending.
pub(super) async fn status(context: &Context, args: MigrateStatus) -> Outcome {
    let (json, exit_code) = (args.flags.json, args.exit_code);
    looking(context, args.flags, async |job| {
        let status = migrate::status(job).await?;
        Ok(show(context, &status, json, exit_code))
    })
    .await
}

fn show(context: &Context, status: &Status, json: bool, exit_code: bool) -> Outcome {
    let outcome = match status.counts {
        counts if counts.conflicts > 0 => Outcome::Failed,
        counts if counts.pending > 0 && exit_code => Outcome::Degraded,
        _ => Outcome::Done,
    };
    let text = if json { format!("{:#}", serde_json::json!(status)) } else { words::status(status) };
    answer(context, &text, outcome)
}
