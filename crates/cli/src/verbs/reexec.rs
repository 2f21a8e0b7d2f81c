//! `mainstay reexec`

use crate::{
    args,
    context::{Context, tell},
    daemon::{Daemon, warn_of_version},
};
use control::{Ask, Reexec, Status, Takeover};
use report::{Event, Finding, Journal, Outcome, count, seconds};
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::{Instant, sleep};

/// Besides what has to end first, the other program is asked, on a machine that may be busy.
const LIMIT: Duration = Duration::from_secs(60);
/// Then, besides that again, whoever is being answered finishes, and the disk too.
const DONE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Between two looks at what it waits for.
const RARE_LOOK: Duration = Duration::from_millis(500);
/// One look takes no longer.
const QUESTION: Duration = Duration::from_secs(10);

/// Has the running mainstay replaced by the program that stands in its place by now; answers when that has taken over.
pub(super) async fn reexec(context: &Context, args: args::Reexec) -> Outcome {
    let daemon = match Daemon::of(context, &args.look.place) {
        Ok(daemon) => daemon,
        Err(outcome) => return outcome,
    };
    let begun = Instant::now();
    let ask = Ask::Reexec(Takeover { timeout_s: Some(args.timeout.as_secs_f64()) });
    let asked = daemon.ask_whichever(context, &ask, args.timeout + LIMIT);
    let reexec: Reexec = match told_meanwhile(context, &daemon, asked).await {
        Ok(reexec) => reexec,
        Err(outcome) => return outcome,
    };
    match taken_over(&daemon, &reexec, begun + args.timeout + DONE).await {
        Ok(()) => {
            warn_of_version(context, &reexec.to);
            let text = words(&reexec, begun.elapsed());
            super::answer(context, &super::text(args.look.json, &reexec, text), Outcome::Done)
        }
        Err(finding) => tell(context, &[finding], Outcome::Failed),
    }
}

/// Waits for the answer, and tells what it waits for itself.
async fn told_meanwhile<A>(context: &Context, daemon: &Daemon, asked: impl Future<Output = A>) -> A {
    let (mut asked, mut told) = (pin!(asked), None);
    loop {
        tokio::select! {
            biased;
            answer = &mut asked => return answer,
            () = sleep(RARE_LOOK) => {}
        }
        tokio::select! {
            biased;
            answer = &mut asked => return answer,
            // Who is not heard just now answers the question itself soon.
            status = daemon.client.ask::<Status>(&Ask::Status, QUESTION) => {
                let waits = status.ok().and_then(|answer| answer.body.reexec_waits);
                if let Some(why) = waits.filter(|why| told.as_ref() != Some(why)) {
                    context.terminal.note(Event::new("reexec.waiting", format!("waiting: {why}")));
                    told = Some(why);
                }
            }
        }
    }
}

/// Waits until the other version answers.
async fn taken_over(daemon: &Daemon, reexec: &Reexec, deadline: Instant) -> Result<(), Finding> {
    let begun = Instant::now();
    while Instant::now() < deadline {
        // Who is not heard just now may be between two versions.
        if let Ok(answer) = daemon.client.ask::<Status>(&Ask::Status, QUESTION).await {
            let status = answer.body;
            match status.reexec_failed {
                _ if status.pid != reexec.pid => return Err(gone(reexec)),
                _ if status.generation >= reexec.generation => return Ok(()),
                Some(why) => return Err(failed(reexec, &why)),
                None => {}
            }
        }
        sleep(LOOK).await;
    }
    let finding =
        Finding::error(format!("version {} has not taken over within {}", reexec.to, seconds(begun.elapsed())));
    Err(finding.hint("`mainstay status` tells which one runs, `mainstay events` what happened"))
}

fn failed(reexec: &Reexec, why: &str) -> Finding {
    let finding = Finding::error(format!("version {} has not taken over; version {} goes on", reexec.to, reexec.from));
    finding.seen(why)
}

fn gone(reexec: &Reexec) -> Finding {
    let finding = Finding::error(format!("process {} has ended meanwhile", reexec.pid));
    finding.hint("`mainstay timeline` tells what happened")
}

fn words(reexec: &Reexec, took: Duration) -> String {
    let Reexec { app, pid, from, to, services, .. } = reexec;
    let versions = if from == to { format!("version {to} anew") } else { format!("version {to}, before {from}") };
    let services = count(services.len(), "service");
    format!("`{app}` is looked after by {versions}, pid {pid}, after {}; {services} not touched", seconds(took))
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::VERSION;

    #[test]
    fn who_takes_over_from_whom_is_told() {
        let reexec = Reexec {
            app: "bot".into(),
            pid: 7,
            from: "0.1.0".into(),
            to: VERSION.into(),
            generation: 1,
            services: vec!["api".into(), "worker".into()],
        };
        let told = words(&Reexec { to: "0.2.0".into(), ..reexec.clone() }, Duration::from_millis(80));
        assert_eq!(
            told,
            "`bot` is looked after by version 0.2.0, before 0.1.0, pid 7, after 80 ms; 2 services not touched"
        );
        let same = words(&Reexec { from: VERSION.into(), ..reexec }, Duration::from_millis(80));
        assert!(same.starts_with(&format!("`bot` is looked after by version {VERSION} anew, pid 7")), "{same}");
    }
}
