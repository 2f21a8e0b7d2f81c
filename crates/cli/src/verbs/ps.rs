//! `mainstay ps`

use crate::{
    args::Look,
    context::Context,
    daemon::{Daemon, SOON},
    words,
};
use control::{Ask, Ps};
use report::Outcome;

/// The services of the running application.
pub(super) async fn ps(context: &Context, args: Look) -> Outcome {
    match look(context, &args).await {
        Ok(ps) => {
            super::answer(context, &super::text(args.json, &ps, words::all(&ps.services, &ps.jobs)), Outcome::Done)
        }
        Err(outcome) => outcome,
    }
}

async fn look(context: &Context, args: &Look) -> Result<Ps, Outcome> {
    Daemon::of(context, &args.place)?.ask(context, &Ask::Ps, SOON).await
}
