//! `mainstay migrate verify`

use super::looking;
use crate::{
    args::Migrations,
    context::Context,
    verbs::{answer, tell},
};
use migrate::Verified;
use report::{Finding, Outcome, count};

/// Compares the database with the files.
pub(super) async fn verify(context: &Context, args: Migrations) -> Outcome {
    let json = args.json;
    looking(context, args, async |job| {
        let verified = migrate::verify(job).await?;
        Ok(show(context, &verified, json))
    })
    .await
}

fn show(context: &Context, verified: &Verified, json: bool) -> Outcome {
    let failures = verified.failed.len() + verified.conflicts.len();
    let outcome = match (failures, verified.unverified.len()) {
        (0, 0) => Outcome::Done,
        (0, _) => Outcome::Degraded,
        _ => Outcome::Failed,
    };
    let conflicts = verified.conflicts.iter().map(migrate::explain);
    let failed = verified.failed.iter().map(Finding::error);
    let findings: Vec<_> = conflicts.chain(failed).collect();
    tell(context, &findings, outcome);
    if json {
        let failed: Vec<_> =
            verified.conflicts.iter().map(ToString::to_string).chain(verified.failed.clone()).collect();
        let whole =
            serde_json::json!({ "passed": verified.passed, "failed": failed, "unverified": verified.unverified });
        return answer(context, &format!("{whole:#}"), outcome);
    }
    let mut text: String =
        verified.unverified.iter().map(|sentence| format!("could not verify  {sentence}\n")).collect();
    text += &format!(
        "{} pass, {} fail, {} could not be verified\n",
        count(verified.passed, "migration"),
        failures,
        verified.unverified.len()
    );
    answer(context, &text, outcome)
}
