//! `mainstay events`

use crate::{
    args,
    context::Context,
    daemon::{Daemon, SOON},
};
use control::{Ask, Asked, Event, Events};
use host::signals::Signals;
use report::Outcome;
use std::time::Duration;

/// How long one question waits for the next event, in seconds.
const WAIT: u64 = 30;
/// The most that is asked for at once while following.
const MANY: usize = 1000;

/// What happened lately, and with `--follow` what goes on to happen.
pub(super) async fn events(context: &Context, args: args::Events) -> Outcome {
    let daemon = match Daemon::of(context, &args.place) {
        Ok(daemon) => daemon,
        Err(outcome) => return outcome,
    };
    let Ok(mut signals) = Signals::listen() else { return Outcome::Failed };
    tokio::select! {
        outcome = told(context, &daemon, &args) => outcome,
        // Whoever follows has seen enough.
        _ = signals.next() => if args.follow { Outcome::Done } else { Outcome::Interrupted },
    }
}

async fn told(context: &Context, daemon: &Daemon, args: &args::Events) -> Outcome {
    let mut asked = Asked { after: 0, count: args.number, wait_s: 0 };
    loop {
        let limit = SOON + Duration::from_secs(asked.wait_s);
        let events: Events = match daemon.ask(context, &Ask::Events(asked), limit).await {
            Ok(events) => events,
            Err(outcome) => return outcome,
        };
        let text: Vec<_> = events.events.iter().map(|event| line(event, args.json)).collect();
        let written =
            if text.is_empty() { Outcome::Done } else { super::answer(context, &text.join("\n"), Outcome::Done) };
        if !args.follow || written != Outcome::Done {
            return written;
        }
        asked = Asked { after: events.last, count: MANY, wait_s: WAIT };
    }
}

fn line(event: &Event, json: bool) -> String {
    match json {
        // It has come as JSON, so it can be written as JSON.
        true => serde_json::to_string(event).unwrap_or_default(),
        false => format!("{} {:<5} {}", event.time, event.level, event.text),
    }
}
