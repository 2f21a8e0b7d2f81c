//! How it ended, for whoever has asked for it; and in the record.

use super::{driver, step, work::Work};
use crate::{
    context::{Context, tell},
    ping::ping,
    verbs::answer,
};
use ::deploy::{
    Record, State,
    course::{Failure, Remains, Step, Undo, Verdict},
    store,
};
use config::Deploy;
use report::{Event, Finding, Journal, Outcome, seconds};
use std::time::Duration;

/// Of a release.
pub(super) async fn release(work: Work<'_>, verdict: &Verdict) -> Outcome {
    let (context, deploy) = (work.context, &work.here.deploy);
    let outcome = of_release(work, verdict).await;
    elsewhere(context, deploy, verdict).await;
    outcome
}

/// Of a rollback: the record is that of the release that was brought back, so only a success is written into it.
pub(super) async fn rollback(work: Work<'_>, verdict: &Verdict) -> Outcome {
    let (context, deploy) = (work.context, &work.here.deploy);
    let outcome = of_rollback(work, verdict).await;
    elsewhere(context, deploy, verdict).await;
    outcome
}

/// Tells who wants to be told. That it does not get there changes nothing of the verdict.
async fn elsewhere(context: &Context, deploy: &Deploy, verdict: &Verdict) {
    let url = match verdict.failure() {
        // One that never got its turn is no release, and there is none where nothing was to be done.
        Some(failure) if failure.step == Step::Lock => None,
        Some(_) => deploy.ping_failure.as_deref(),
        None if *verdict == Verdict::AlreadyThere => None,
        None => deploy.ping_success.as_deref(),
    };
    if let Some(url) = url
        && let Err(why) = ping(url).await
    {
        let warning = Finding::warning("who should be told how the release ended was not told").seen(why);
        context.terminal.finding(&warning.hint("look at `[deploy.ping]`; the release itself is not touched by it"));
    }
}

async fn of_release(mut work: Work<'_>, verdict: &Verdict) -> Outcome {
    finish(&mut work);
    match verdict {
        Verdict::AlreadyThere => already_there(&work),
        Verdict::Confirmed => live(&work, "is live and stays"),
        Verdict::Unwatched => {
            work.record.state = State::Live;
            let _ = step::leave(&work, State::Superseded);
            write(&mut work);
            live(&work, "is live, and nobody has watched it to the end").and(Outcome::Interrupted)
        }
        Verdict::Failed(failure) | Verdict::RolledBack(failure) | Verdict::Stuck(failure) => {
            work.record.state = match verdict {
                Verdict::RolledBack(_) => State::RolledBack,
                Verdict::Stuck(_) => State::Live,
                _ => State::Failed,
            };
            work.record.cause = Some(format!("{}: {}", failure.step, failure.cause));
            // One that never got its turn is no release.
            if failure.step != Step::Lock {
                write(&mut work);
            }
            over(&mut work, verdict, failure).await
        }
    }
}

async fn of_rollback(mut work: Work<'_>, verdict: &Verdict) -> Outcome {
    finish(&mut work);
    match verdict.failure() {
        None => live(&work, "is live again"),
        Some(failure) => {
            if let Ok(mut kept) = store::read(&work.here.site, work.record.id)
                && work.before != Some(kept.id)
            {
                kept.state = if matches!(verdict, Verdict::Stuck(_)) { State::Live } else { State::Superseded };
                drop(store::write(&work.here.site, &kept));
            }
            over(&mut work, verdict, failure).await
        }
    }
}

/// Nothing of it was made but the directory of its record.
fn already_there(work: &Work<'_>) -> Outcome {
    drop(host::fs::remove_tree(&work.here.site.release(work.record.id)));
    let (commit, subject) = (work.record.short_commit(), &work.record.subject);
    let finding = Finding::note(format!("{commit} {subject} is live already"));
    tell(work.context, &[finding.hint("`--rebuild` makes it anew")], Outcome::Done)
}

fn finish(work: &mut Work<'_>) {
    work.context.terminal.stand(None);
    if let Some(prober) = work.prober.take() {
        work.record.prober = Some(prober.figures());
        work.last_failure = prober.last_failure();
    }
    if !work.is_rollback && work.record.state == State::Confirmed {
        write(work);
    }
}

fn write(work: &mut Work<'_>) {
    work.record.cause = work.record.cause.take().map(|cause| work.context.terminal.mask(&cause));
    if let Err(trouble) = work.write() {
        tell(work.context, &trouble.findings, Outcome::Done);
    }
}

/// `release 01J… (3f2a1c9 Add bookings) is live and stays, after 12.3 s; 240 requests meanwhile, 0 failed, …`
fn live(work: &Work<'_>, how: &str) -> Outcome {
    let record = &work.record;
    let took = seconds(Duration::from_millis(work.list.took_ms()));
    let text = format!(
        "release {} ({} {}) {how}, after {took}{}",
        record.id,
        record.short_commit(),
        record.subject,
        prober(record)
    );
    let mut event =
        Event::new("deploy.done", text).with("release", record.id.to_string()).with("commit", record.commit.as_str());
    if let Some(seen) = &record.prober {
        event =
            event.with("requests", seen.sent).with("failed", seen.failed).with("longest_gap_ms", seen.longest_gap_ms);
        if let (true, Some(last)) = (seen.failed > 0, &work.last_failure) {
            let warning = Finding::warning("some requests through its own door had no good answer").seen(last);
            work.context.terminal.finding(&warning);
        }
    }
    work.context.terminal.note(event);
    json(work, Outcome::Done)
}

fn prober(record: &Record) -> String {
    record.prober.as_ref().filter(|seen| seen.sent > 0).map_or(String::new(), |seen| {
        format!(
            "; {} requests through its own {}, {} failed, longest gap {:.0} ms, p99 {:.1} ms",
            seen.sent,
            if seen.doors.is_empty() { "door" } else { "doors" },
            seen.failed,
            seen.longest_gap_ms,
            seen.p99_ms
        )
    })
}

fn json(work: &Work<'_>, outcome: Outcome) -> Outcome {
    match work.wish.json {
        true => answer(work.context, &format!("{:#}", serde_json::json!(work.record)), outcome),
        false => outcome,
    }
}

/// The findings of the step that failed, then what that means.
async fn over(work: &mut Work<'_>, verdict: &Verdict, failure: &Failure) -> Outcome {
    let trouble = work.trouble.take();
    let outcome = match (failure.interrupted, &trouble) {
        (true, _) => Outcome::Interrupted,
        (false, Some(trouble)) => trouble.outcome,
        (false, None) => Outcome::Failed,
    };
    // Going on with less is nothing that a release could have done.
    let outcome = if matches!(outcome, Outcome::Done | Outcome::Degraded) { Outcome::Failed } else { outcome };
    tell(work.context, &trouble.map(|it| it.findings).unwrap_or_default(), outcome);
    // One that never got its turn has looked at nothing, and knows nothing of what runs.
    if failure.step == Step::Lock {
        return json(work, outcome);
    }
    let meaning = match driver::has_ended(work).await {
        true => ended(work, failure),
        false => meaning(work, verdict, failure),
    };
    tell(work.context, &[meaning], outcome);
    json(work, outcome)
}

/// Whoever kept the services up was ended by somebody else meanwhile.
fn ended(work: &Work<'_>, failure: &Failure) -> Finding {
    let what = if work.is_rollback { "the rollback" } else { "the release" };
    let next = work.before.map_or("the site's own file".to_owned(), |id| format!("release {id}"));
    let finding =
        Finding::error(format!("{what} failed in `{}`; mainstay has ended meanwhile, and nothing runs", failure.step));
    let finding = failure.remains.iter().fold(finding, |finding, it| finding.seen(it));
    finding.hint(format!("`mainstay up -d` starts {next}"))
}

fn meaning(work: &Work<'_>, verdict: &Verdict, failure: &Failure) -> Finding {
    let what = if work.is_rollback { "the rollback" } else { "the release" };
    let before = work.before.map_or("what ran before".to_owned(), |id| format!("release {id}"));
    let ran = work.before.is_some() || work.daemon != super::work::Daemon::Absent;
    let finding = match verdict {
        Verdict::Stuck(_) => {
            Finding::error(format!("{what} failed in `{}`, and the way back failed too", failure.step))
        }
        Verdict::RolledBack(_) if ran => {
            Finding::error(format!("{what} failed in `{}`; {before} is live again", failure.step))
        }
        _ if ran => Finding::error(format!("{what} failed in `{}`; {before} has served all the time", failure.step)),
        _ => Finding::error(format!("{what} failed in `{}`; nothing runs, as before", failure.step)),
    };
    let finding = failure.remains.iter().fold(finding, |finding, it| finding.seen(it));
    match hint(work, failure) {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// Rows are never taken away without a person who says so.
fn copy_from_before(work: &Work<'_>) -> String {
    match (&work.record.backup, work.before) {
        (Some(copy), Some(before)) => format!(
            "; the copy from before is `{copy}`, and nothing is restored by itself: `mainstay rollback {before} --restore` \
             shows what would be lost, and does so"
        ),
        (Some(copy), None) => format!("; the copy from before is `{copy}`, and nothing is restored by itself"),
        (None, _) => String::new(),
    }
}

fn hint(work: &Work<'_>, failure: &Failure) -> Option<String> {
    let stays = |it: &Remains| match it {
        Remains::Migrations { .. } => true,
        Remains::NotUndone { what, .. } => matches!(what, Undo::TakeBackMigrations { .. }),
    };
    if failure.remains.iter().any(stays) {
        let copy = copy_from_before(work);
        return Some(format!(
            "the schema stays as it is now: the release before runs on it, and needs `[migrations] newer = \"allow\"` to be started anew{copy}"
        ));
    }
    let logged = matches!(failure.step.word(), "build" | "fetch");
    logged.then(|| format!("`mainstay releases show {}` has all of it", work.record.id))
}
