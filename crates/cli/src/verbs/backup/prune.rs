//! `mainstay backup prune`

use super::{Means, all_copies, failed, job, policy, world};
use crate::{
    args::BackupPrune,
    context::{Context, tell},
    start::World,
    verbs::answer,
};
use backup::{BackupError, Place, planned, prune_in, retain::Plan};
use report::{Finding, Outcome, count};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Removes what need not be kept of each database, or shows it.
pub(super) async fn prune(context: &Context, args: BackupPrune) -> Outcome {
    let world = match world(context, &args.flags, args.keep.clone()) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let means = match Means::to_write(context, &world.app) {
        Ok(means) => means,
        Err(outcome) => return outcome,
    };
    let (plans, seen) = match plans(context, &world, &means, &args).await {
        Ok(plans) => plans,
        Err(error) => return failed(context, &error),
    };
    let held_back = |plan: &Plan| plan.is_drastic() && !args.yes && !args.dry_run;
    let any_held_back = plans.iter().any(|it| held_back(&it.plan));
    let outcome = seen.and(if any_held_back { Outcome::Failed } else { Outcome::Done });
    plans.iter().filter(|it| held_back(&it.plan)).for_each(|it| tell_held_back(context, it));
    let only_shown = |it: &Planned| held_back(&it.plan) || args.dry_run;
    let text = match args.flags.json {
        true => format!("{:#}", Value::Array(plans.iter().map(|it| as_json(it, only_shown(it))).collect())),
        false => plans.iter().map(|it| words(it, only_shown(it))).collect(),
    };
    answer(context, if text.is_empty() { "no copies" } else { text.trim_end() }, outcome)
}

fn tell_held_back(context: &Context, it: &Planned) {
    let (plan, whose) = (&it.plan, it.whose());
    let numbers = format!("{} of {} VERIFIED copies", plan.verified_removed, plan.verified);
    let finding = Finding::error(format!("{numbers} of {whose} would go at once, so none was removed"));
    let hint = "look with --dry-run; then say --yes, or keep more: `keep` in `[backup]`, or --keep";
    tell(context, &[finding.hint(hint)], Outcome::Failed);
}

/// What becomes of the copies of a database in one place.
struct Planned {
    database: String,
    place: Place,
    plan: Plan,
}

/// The very plan that is shown is carried out. Each place has its own.
async fn plans(
    context: &Context,
    world: &World,
    means: &Means,
    args: &BackupPrune,
) -> Result<(Vec<Planned>, Outcome), BackupError> {
    let (all, seen) = all_copies(context, world).await?;
    let whose: BTreeSet<_> = all.iter().map(|copy| (copy.place.clone(), copy.database.clone())).collect();
    let policy = policy(&world.app);
    let (mut plans, may) = (Vec::new(), |plan: &Plan| args.yes || !plan.is_drastic());
    let Some(any) = world.app.dependencies.first() else { return Ok((plans, seen)) };
    let job = job(world, any, means);
    for (place, database) in whose {
        let remote = world.remotes.iter().find(|remote| remote.place() == place);
        let plan = match (args.dry_run, remote) {
            (true, _) => {
                let there: Vec<_> = all.iter().filter(|copy| copy.place == place).cloned().collect();
                planned(&there, &database, &policy)
            }
            (false, None) => backup::prune(&job, &database, &policy, may)?,
            (false, Some(remote)) => prune_in(&job, remote, &database, &policy, may).await?,
        };
        plans.push(Planned { database, place, plan });
    }
    Ok((plans, seen))
}

impl Planned {
    fn whose(&self) -> String {
        match &self.place {
            Place::Here => format!("`{}`", self.database),
            Place::Bucket(bucket) => format!("`{}` in `{bucket}`", self.database),
        }
    }
}

fn words(Planned { database, place, plan }: &Planned, only_shown: bool) -> String {
    let verb = if only_shown { "would remove" } else { "removed" };
    let mut text: String = plan.remove.iter().map(|id| format!("{verb}  {id}\n")).collect();
    text.extend(plan.keep.iter().map(|(id, reason)| format!("keeps  {id}  {reason}\n")));
    let copies = |number: usize| count(number, "copy");
    let at = match place {
        Place::Here => String::new(),
        Place::Bucket(bucket) => format!(" in {bucket}"),
    };
    text + &format!("{database}{at}: {verb} {}, keeps {}\n", copies(plan.remove.len()), copies(plan.keep.len()))
}

fn as_json(Planned { database, place, plan }: &Planned, only_shown: bool) -> Value {
    let keep: Vec<_> = plan.keep.iter().map(|(id, reason)| json!({ "id": id, "reason": reason.to_string() })).collect();
    let place = place.to_string();
    json!({ "database": database, "place": place, "remove": plan.remove, "keep": keep, "removed": !only_shown })
}
