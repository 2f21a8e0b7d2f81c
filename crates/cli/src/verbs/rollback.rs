//! `mainstay rollback`

use crate::{
    args,
    context::Context,
    release::{Back, rollback as back},
};
use report::Outcome;

/// Brings back the release before, or the one that is named.
pub(super) async fn rollback(context: &Context, args: args::Rollback) -> Outcome {
    let wanted = Back { to: args.to, yes: args.yes, keep_schema: args.keep_schema, json: args.json };
    back(context, &args.place, &wanted).await
}
