//! Carries a course out: does what it asks for, tells it what came of that, and passes interruptions on.

use super::{unexpected, work::Work};
use ::deploy::course::{Course, Effect, Input, Plan, Step, Verdict};
use host::signals::{Signal, Signals};
use plan::Trouble;
use report::{Finding, Outcome};
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, interval};

/// How often the time that is shown moves on.
const TICK: Duration = Duration::from_millis(200);

/// From the first step to the verdict.
pub(super) async fn drive(work: &mut Work<'_>, plan: Plan) -> Result<Verdict, Finding> {
    let mut signals = Signals::listen().map_err(|error| unexpected(Step::Lock, &error))?;
    let mut course = Course::new(plan);
    let mut effects: VecDeque<_> = course.step(Input::Begin).into();
    while let Some(effect) = effects.pop_front() {
        let input = match effect {
            Effect::Do(step) => perform(work, &mut course, &mut signals, step).await,
            Effect::Undo(undo) => {
                let since = Instant::now();
                let result = work.take_back(undo).await;
                work.list.undone(undo, since, &result);
                Input::Undone(result)
            }
            Effect::Skip(step, reason) => {
                work.list.skipped(step, reason);
                continue;
            }
            // Where something is broken off, `perform` does it.
            Effect::Cancel(_) => continue,
            Effect::Finish(verdict) => return Ok(verdict),
        };
        effects.extend(course.step(input));
    }
    Err(Finding::error("the course of the release has no end"))
}

/// A step, until it has ended or was broken off.
async fn perform(work: &mut Work<'_>, course: &mut Course, signals: &mut Signals, step: Step) -> Input {
    work.list.begin(step);
    let result = until_over(work, course, signals, step).await;
    for fact in std::mem::take(&mut work.facts) {
        course.step(Input::Learned(fact));
    }
    match result {
        Ok(text) if work.is_enough => {
            work.list.done(&text);
            Input::Enough
        }
        Ok(text) => {
            work.list.done_after(work.took.take(), &text);
            // What cannot be written down now will fail where it matters.
            let _ = if step == Step::Lock { Ok(()) } else { work.write() };
            Input::Done
        }
        Err(trouble) => {
            let cause = cause(&trouble);
            work.list.failed(&cause);
            work.trouble = Some(trouble);
            Input::Failed(cause)
        }
    }
}

async fn until_over(
    work: &mut Work<'_>,
    course: &mut Course,
    signals: &mut Signals,
    step: Step,
) -> Result<String, Trouble> {
    // The clock that is shown belongs to the list, which the step has in its hands: so it is shown from outside.
    let clock = work.list.clock();
    let mut ticks = interval(TICK);
    let mut at_work = std::pin::pin!(work.perform(step));
    loop {
        tokio::select! {
            biased;
            result = &mut at_work => return result,
            signal = signals.next() => {
                let ends = !matches!(signal, Signal::User1 | Signal::User2);
                if ends && course.step(Input::Interrupt).contains(&Effect::Cancel(step)) {
                    let finding = Finding::error(format!("broken off in `{step}`"));
                    return Err(Trouble::new(Outcome::Interrupted, finding));
                }
            }
            _ = ticks.tick() => clock.tick(),
        }
    }
}

/// In a sentence, for the record and the list.
fn cause(trouble: &Trouble) -> String {
    let one = |finding: &Finding| match finding.seen.first() {
        Some(seen) => format!("{}: {}", finding.summary, seen.lines().next().unwrap_or_default()),
        None => finding.summary.clone(),
    };
    let first = trouble.findings.first().map(one).unwrap_or_default();
    match trouble.findings.len() {
        0 | 1 => first,
        many => format!("{first} (and {} more)", many - 1),
    }
}
