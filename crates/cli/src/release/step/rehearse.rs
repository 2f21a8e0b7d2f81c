//! `deploy --dry-run`: as far as the checks, for real; then all of it is taken back, and what would follow is shown.

use super::super::{Here, Wish, driver, work::Work};
use crate::{
    context::{Context, tell},
    verbs::answer,
};
use ::deploy::course::{Course, Effect, Fact, Input, Plan, Step};
use config::Driver;
use report::{Outcome, Verdict};
use serde_json::json;

/// Shows what a release would come to. Nothing of it is left, and nothing that runs has noticed.
pub(in crate::release) async fn rehearse(context: &Context, here: &Here, wish: &Wish, plan: Plan) -> Outcome {
    let id = super::super::queue::next(&here.site, context.now());
    let record = super::super::new_record(context, here, wish, id);
    let mut work = Work::new(context, here, wish, record, plan);
    let mut course = Course::new(plan);
    let mut effects = course.step(Input::Begin);
    let mut shown = Vec::new();
    let outcome = loop {
        for effect in &effects {
            if let Effect::Skip(step, reason) = effect {
                shown.push((*step, Verdict::Skipped, (*reason).to_owned()));
            }
        }
        let Some(Effect::Do(step)) = effects.last().cloned() else { break Outcome::Done };
        if is_beyond(step) {
            shown.push((step, Verdict::CouldNotVerify, would(&work, step)));
            effects = course.step(Input::Done);
            continue;
        }
        work.list.begin(step);
        let did = tokio::select! {
            did = work.perform(step) => did,
            () = interrupted() => break Outcome::Interrupted,
        };
        for fact in std::mem::take(&mut work.facts) {
            pending(&mut work, &fact);
            course.step(Input::Learned(fact));
        }
        match did {
            Ok(text) => {
                work.list.done(&text);
                shown.push((step, Verdict::Pass, text));
                effects = course.step(Input::Done);
            }
            Err(trouble) => {
                let text = trouble.findings.first().map(|finding| finding.summary.clone()).unwrap_or_default();
                work.list.failed(&text);
                shown.push((step, Verdict::Fail, text));
                break tell(context, &trouble.findings, trouble.outcome);
            }
        }
    };
    context.terminal.stand(None);
    // What is left of it would be cleared away by the next release.
    drop(host::fs::remove_tree(&here.site.release(work.record.id)));
    answer(context, &text(wish, &work, &shown), outcome)
}

async fn interrupted() {
    use host::signals::{Signal, Signals};
    let Ok(mut signals) = Signals::listen() else { return std::future::pending().await };
    while matches!(signals.next().await, Signal::User1 | Signal::User2) {}
}

/// What changes something that stays is only shown.
fn is_beyond(step: Step) -> bool {
    !matches!(step, Step::Lock | Step::Preflight | Step::Fetch | Step::Check)
}

fn pending(work: &mut Work<'_>, fact: &Fact) {
    if let Fact::Pending(count) = fact {
        work.pending = *count;
    }
}

/// What a step would do.
fn would(work: &Work<'_>, step: Step) -> String {
    let deploy = work.deploy();
    if let Some(text) = driver::would(work, step) {
        return text;
    }
    match step {
        Step::Build => {
            let steps = deploy.dependencies.iter().map(|it| &it.step).chain(&deploy.build);
            let commands = steps.map(|step| step.argv.join(" "));
            let images = matches!(deploy.driver, Driver::Compose { .. }).then(|| driver::images(work));
            commands.chain(images).collect::<Vec<_>>().join("; ")
        }
        Step::Backup => "a copy of the database, restored and compared".to_owned(),
        Step::Migrate => format!("{} would be applied", report::count(work.pending, "migration")),
        Step::Start => {
            let services = work.world.iter().flat_map(|world| &world.app.services).map(|service| service.name.as_str());
            services.collect::<Vec<_>>().join(", ")
        }
        Step::Prove => format!("health, {}, errors in the log", report::count(deploy.smoke.len(), "smoke check")),
        Step::Switch => "new requests go to the new services".to_owned(),
        Step::Drain => format!("the old ones have {} to finish", report::age(deploy.drain)),
        Step::Watch => format!("for {}; the release before comes back when it is not well", report::age(deploy.watch)),
        Step::Confirm => format!("{} are kept", report::count(work.here.deploy.keep as usize, "release")),
        Step::Lock
        | Step::Preflight
        | Step::Fetch
        | Step::Check
        | Step::Gate
        | Step::Restore
        | Step::Stop
        | Step::Exchange
        | Step::Empty
        | Step::Revert => String::new(),
    }
}

fn text(wish: &Wish, work: &Work<'_>, shown: &[(Step, Verdict, String)]) -> String {
    if wish.json {
        let steps: Vec<_> = shown
            .iter()
            .map(|(step, verdict, seen)| match verdict {
                Verdict::CouldNotVerify => json!({ "step": step.word(), "would": seen }),
                verdict => json!({ "step": step.word(), "verdict": verdict, "seen": seen }),
            })
            .collect();
        return format!(
            "{:#}",
            json!({ "commit": work.record.commit, "subject": work.record.subject, "steps": steps })
        );
    }
    let line = |(step, verdict, seen): &(Step, Verdict, String)| {
        let verdict = if *verdict == Verdict::CouldNotVerify { "would".to_owned() } else { verdict.to_string() };
        format!("  {verdict:<7}  {:<9}  {seen}", step.word()).trim_end().to_owned() + "\n"
    };
    format!("plan, nothing of it was kept:\n{}", shown.iter().map(line).collect::<String>())
}
