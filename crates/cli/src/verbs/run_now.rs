//! `mainstay run-now JOB`

use crate::{
    args,
    context::{Context, tell},
    daemon::{Daemon, outcome, warn_of_version},
};
use control::{Answer, Ask, AskError, JobRun, RunTold, What};
use report::{Event, Finding, Journal, Level, Lines, Outcome, Stream};

/// Has the running mainstay run a job now, and shows the run; ends with the exit code of the job.
pub(super) async fn run_now(context: &Context, args: args::RunNow) -> u8 {
    let daemon = match Daemon::of(context, &args.look.place) {
        Ok(daemon) => daemon,
        Err(outcome) => return outcome.code(),
    };
    let (mut code, mut told_version) = (None, false);
    let hear = |answer: Answer<RunTold>| {
        if !std::mem::replace(&mut told_version, true) {
            warn_of_version(context, &answer.version);
        }
        show(context, &args, &answer.body);
        code = code_of(&answer.body, args.detach);
        code.is_none()
    };
    match daemon.client.follow(&Ask::RunNow(args.job.clone()), hear).await {
        Ok(()) => code.unwrap_or_else(|| lost(context, &args.job)),
        Err(error) => unasked(context, &daemon, &args, &error),
    }
}

fn show(context: &Context, args: &args::RunNow, told: &RunTold) {
    let terminal = &context.terminal;
    match (args.look.json, told.what) {
        (true, _) => drop(terminal.data(&serde_json::to_string(told).unwrap_or_default())),
        (false, What::Line) => {
            let stream = if told.stream.as_deref() == Some("stderr") { Stream::Stderr } else { Stream::Stdout };
            terminal.line(&args.job, stream, told.text.as_bytes());
        }
        (false, what) => terminal.note(Event::new("job.told", told.text.clone()).level(level(what, told.run.as_ref()))),
    }
}

fn level(what: What, run: Option<&JobRun>) -> Level {
    match what {
        What::Over if run.is_some_and(|run| run.result != "done") => Level::Error,
        What::LeftOut | What::Waits | What::Missing | What::CalledOff => Level::Warn,
        _ => Level::Info,
    }
}

/// How the verb ends; nothing while more is to come. The job's own exit code where there is one.
fn code_of(told: &RunTold, detach: bool) -> Option<u8> {
    match (told.what, &told.run) {
        (What::Over, Some(run)) => Some(match (run.result.as_str(), run.code) {
            ("done", _) => Outcome::Done.code(),
            ("skipped", _) => Outcome::NotYet.code(),
            ("failed", Some(code)) if code != 0 => u8::try_from(code).unwrap_or(u8::MAX),
            _ => Outcome::Failed.code(),
        }),
        (What::LeftOut | What::CalledOff, _) => Some(Outcome::NotYet.code()),
        (What::Taken, _) if detach => Some(Outcome::Done.code()),
        _ => None,
    }
}

fn lost(context: &Context, job: &str) -> u8 {
    let finding = Finding::error(format!("the running mainstay says no more about `{job}`"));
    let hint = format!("`mainstay why {job}` tells how its last run ended, `mainstay logs {job}` what it wrote");
    tell(context, &[finding.hint(hint)], Outcome::Degraded).code()
}

fn unasked(context: &Context, daemon: &Daemon, args: &args::RunNow, error: &AskError) -> u8 {
    let findings = error.findings(&daemon.app, daemon.client.path());
    let hint = format!("`mainstay schedule run {}` runs it without a running mainstay", args.job);
    let hinted = |finding: Finding| match error {
        AskError::NotRunning => finding.hint(&hint),
        _ => finding,
    };
    let findings: Vec<_> = findings.into_iter().map(hinted).collect();
    tell(context, &findings, outcome(error)).code()
}
