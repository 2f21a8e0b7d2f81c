//! `mainstay why SERVICE`

use crate::{
    args,
    context::Context,
    daemon::{Daemon, SOON},
    words,
};
use control::{Ask, Why};
use report::Outcome;

/// Why a service is as it is.
pub(super) async fn why(context: &Context, args: args::Why) -> Outcome {
    match look(context, &args).await {
        Ok(why) => super::answer(context, &super::text(args.look.json, &why, words::why(&why)), Outcome::Done),
        Err(outcome) => outcome,
    }
}

async fn look(context: &Context, args: &args::Why) -> Result<Why, Outcome> {
    Daemon::of(context, &args.look.place)?.ask(context, &Ask::Why(args.service.clone()), SOON).await
}
