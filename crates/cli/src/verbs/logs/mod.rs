//! `mainstay logs`

mod asked;
mod shown;

use crate::{args::Logs, context::Context};
use ::logs::{Follower, History};
use asked::Asked;
use host::signals::{Signal, Signals};
use report::{Finding, Outcome};
use shown::Shown;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So many of the last lines are shown before those that come, unless others are asked for.
const BEFORE_FOLLOWING: usize = 10;

/// How often files are looked at for more.
const LOOK: Duration = Duration::from_millis(200);

/// How often a server is asked whether it writes to another file by now.
const SELDOM: Duration = Duration::from_secs(1);

/// Shows what services have written.
pub(super) async fn logs(context: &Context, args: Logs) -> Outcome {
    let asked = match Asked::of(context, &args).await {
        Ok(asked) => asked,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    let mut shown = Shown::new(context, args.json, asked.width());
    match show(&asked, &args, &mut shown).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let finding = Finding::error("the answer cannot be written to standard output").because(&error);
            super::tell(context, &[finding], Outcome::Failed)
        }
    }
}

async fn show(asked: &Asked, args: &Logs, shown: &mut Shown<'_>) -> std::io::Result<Outcome> {
    let mut history = History::of(&asked.dir, &asked.services);
    if let Some((path, name)) = &asked.server_log {
        history = history.with_file(path, name);
    }
    let number = args.lines.or(args.follow.then_some(BEFORE_FOLLOWING));
    let reads_on = match number {
        Some(number) => shown.all(history.last(number, &asked.filter))?,
        None => shown.all(history.lines(&asked.filter))?,
    };
    let outcome = tell_problems(&history, shown);
    match args.follow && reads_on {
        true => follow(Follower::behind(&asked.dir, history, asked.all), asked, shown).await,
        false => Ok(outcome),
    }
}

fn tell_problems(history: &History, shown: &Shown<'_>) -> Outcome {
    let problems = history.problems();
    for problem in &problems {
        let finding = Finding::warning("some lines cannot be shown").seen(problem);
        shown.tell(&finding.hint("run as the user that mainstay runs as"));
    }
    if problems.is_empty() { Outcome::Done } else { Outcome::Degraded }
}

/// Until Ctrl-C, or until nobody reads on.
async fn follow(mut follower: Follower, asked: &Asked, shown: &mut Shown<'_>) -> std::io::Result<Outcome> {
    let mut signals = Signals::listen()?;
    let mut looked = Instant::now();
    loop {
        if looked.elapsed() >= SELDOM
            && let Some((path, name)) = asked.server_log_now().await
        {
            follower.goes_on_in(&name, &path);
            looked = Instant::now();
        }
        if !shown.all(follower.more(&asked.filter))? || host::terminal::reader_has_gone(host::terminal::Stream::Output)
        {
            return Ok(Outcome::Done);
        }
        tokio::select! {
            signal = signals.next() => if !matches!(signal, Signal::User1 | Signal::User2) {
                return Ok(Outcome::Interrupted);
            },
            () = sleep(if follower.is_behind() { Duration::ZERO } else { LOOK }) => {}
        }
    }
}
