//! `mainstay migrate repair`

use super::changing;
use crate::{args::MigrateRepair, context::Context, verbs::answer};
use migrate::{Repair, Truth, Version};
use report::Outcome;

/// Shows what is out of line, and with `--yes` brings it into line.
pub(super) async fn repair(context: &Context, args: MigrateRepair) -> Outcome {
    let (json, yes) = (args.flags.json, args.yes);
    let versions = |texts: &[String]| texts.iter().map(|text| Version::from(text.as_str())).collect();
    let truth = Truth { applied: versions(&args.applied), forget: versions(&args.forget) };
    changing(context, args.flags, async |job| {
        let repair = migrate::repair(job, &truth, yes).await?;
        Ok(show(context, &repair, json))
    })
    .await
}

fn show(context: &Context, repair: &Repair, json: bool) -> Outcome {
    let undone = !repair.fixes.is_empty() && !repair.done;
    let outcome = if undone || !repair.open.is_empty() { Outcome::Failed } else { Outcome::Done };
    if json {
        return answer(context, &format!("{:#}", serde_json::json!(repair)), outcome);
    }
    let mut text: String = repair.fixes.iter().map(|fix| format!("{fix}\n")).collect();
    text.extend(repair.open.iter().map(|open| format!("left alone: {open}\n")));
    text += match (repair.fixes.is_empty(), repair.done) {
        (true, _) if repair.open.is_empty() => "nothing to repair\n",
        (true, _) => "nothing was changed\n",
        (false, true) => "done\n",
        (false, false) => "nothing was changed yet: say --yes to do it\n",
    };
    answer(context, &text, outcome)
}
