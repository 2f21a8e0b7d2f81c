//! `mainstay backup prune`

use super::{Means, failed, job, policy, world};
use crate::{
    args::BackupPrune,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{BackupError, copies, planned, retain::Plan};
use report::{Finding, Outcome, count};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Removes what need not be kept of each database, or shows it.
pub(super) fn prune(context: &Context, args: BackupPrune) -> Outcome {
    let world = match world(context, &args.flags, args.keep.clone()) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let means = match Means::to_write(context, &world.app) {
        Ok(means) => means,
        Err(outcome) => return outcome,
    };
    let plans = match plans(&world, &means, &args) {
        Ok(plans) => plans,
        Err(error) => return failed(context, &error),
    };
    let held_back = |plan: &Plan| plan.is_drastic() && !args.yes && !args.dry_run;
    let outcome = if plans.iter().any(|(_, plan)| held_back(plan)) { Outcome::Failed } else { Outcome::Done };
    for (database, plan) in plans.iter().filter(|(_, plan)| held_back(plan)) {
        let numbers = format!("{} of {} VERIFIED copies", plan.verified_removed, plan.verified);
        let finding = Finding::error(format!("{numbers} of `{database}` would go at once, so none was removed"));
        tell(
            context,
            &[finding.hint("look with --dry-run; then say --yes, or keep more: `keep` in `[backup]`, or --keep")],
            outcome,
        );
    }
    let text = match args.flags.json {
        true => format!(
            "{:#}",
            Value::Array(
                plans.iter().map(|(database, plan)| as_json(database, plan, held_back(plan) || args.dry_run)).collect()
            )
        ),
        false => plans.iter().map(|(database, plan)| words(database, plan, held_back(plan) || args.dry_run)).collect(),
    };
    answer(context, if text.is_empty() { "no copies" } else { text.trim_end() }, outcome)
}

/// The very plan that is shown is carried out.
fn plans(world: &World, means: &Means, args: &BackupPrune) -> Result<Vec<(String, Plan)>, BackupError> {
    let all = copies(&world.app.backup.to, &world.app.name)?;
    let databases: BTreeSet<_> = all.iter().map(|copy| copy.database.clone()).collect();
    let policy = policy(&world.app);
    let Some(any) = world.app.dependencies.first() else { return Ok(Vec::new()) };
    let job = job(world, any, means);
    let plan = |database: String| {
        let plan = match args.dry_run {
            true => planned(&all, &database, &policy),
            false => backup::prune(&job, &database, &policy, |plan| args.yes || !plan.is_drastic())?,
        };
        Ok((database, plan))
    };
    databases.into_iter().map(plan).collect()
}

fn words(database: &str, plan: &Plan, only_shown: bool) -> String {
    let verb = if only_shown { "would remove" } else { "removed" };
    let mut text: String = plan.remove.iter().map(|id| format!("{verb}  {id}\n")).collect();
    text.extend(plan.keep.iter().map(|(id, reason)| format!("keeps  {id}  {reason}\n")));
    let copies = |number: usize| count(number, "copy");
    text + &format!("{database}: {verb} {}, keeps {}\n", copies(plan.remove.len()), copies(plan.keep.len()))
}

fn as_json(database: &str, plan: &Plan, only_shown: bool) -> Value {
    let keep: Vec<_> = plan.keep.iter().map(|(id, reason)| json!({ "id": id, "reason": reason.to_string() })).collect();
    json!({ "database": database, "remove": plan.remove, "keep": keep, "removed": !only_shown })
}
