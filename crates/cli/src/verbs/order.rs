//! `mainstay restart`, `start` and `stop`

use crate::{args, context::Context, daemon::Daemon, words};
use control::{Ask, Done, Order, Settled, Verb};
use report::Outcome;
use std::time::Duration;

/// By its own rules mainstay waits an hour at most for an order.
pub(super) const LONGEST: Duration = Duration::from_secs(3600 + 60);
/// So much longer than the order may take, the answer may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(15);

/// Has services restarted, started or stopped; answers when that is done, or its time is up.
pub(super) async fn order(context: &Context, verb: Verb, args: args::Order) -> Outcome {
    match give(context, verb, &args).await {
        Ok(done) => {
            let outcome = done.services.iter().map(|change| outcome(change.settled)).fold(Outcome::Done, Outcome::and);
            super::answer(context, &super::text(args.look.json, &done, words::done(&done, verb)), outcome)
        }
        Err(outcome) => outcome,
    }
}

async fn give(context: &Context, verb: Verb, args: &args::Order) -> Result<Done, Outcome> {
    let order = Order { services: args.services.clone(), timeout_s: args.timeout.map(|timeout| timeout.as_secs_f64()) };
    let limit = args.timeout.map_or(LONGEST, |timeout| timeout.saturating_add(ON_ITS_WAY).min(LONGEST));
    Daemon::of(context, &args.look.place)?.ask(context, &Ask::Do(verb, order), limit).await
}

fn outcome(settled: Settled) -> Outcome {
    match settled {
        Settled::Done => Outcome::Done,
        Settled::Parked => Outcome::Degraded,
        Settled::Failed => Outcome::Failed,
        Settled::NotYet => Outcome::NotYet,
    }
}
