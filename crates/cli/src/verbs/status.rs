//! `mainstay status`

use crate::{
    args::Look,
    context::Context,
    daemon::{Daemon, SOON},
    words,
};
use control::{Ask, Status};
use report::Outcome;

/// How the running application is; its health decides the exit code.
pub(super) async fn status(context: &Context, args: Look) -> Outcome {
    match look(context, &args).await {
        Ok(status) => {
            let outcome = outcome(&status.health);
            super::answer(context, &super::text(args.json, &status, words::whole(&status)), outcome)
        }
        Err(outcome) => outcome,
    }
}

async fn look(context: &Context, args: &Look) -> Result<Status, Outcome> {
    Daemon::of(context, &args.place)?.ask(context, &Ask::Status, SOON).await
}

/// The word of another version is none that could be checked.
pub(super) fn outcome(health: &str) -> Outcome {
    match health {
        "ok" => Outcome::Done,
        "critical" => Outcome::Failed,
        _ => Outcome::Degraded,
    }
}
