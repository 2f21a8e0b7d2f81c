//! `mainstay rollback`

use crate::{
    args,
    context::Context,
    release::{Back, rollback as back},
};
use report::Outcome;

/// Brings back the release before, or the one that is named.
pub(super) async fn rollback(context: &Context, args: args::Rollback) -> Outcome {
    let args::Rollback { to, yes, keep_schema, restore, yes_restore, json, place } = args;
    let wanted = Back { to, yes, keep_schema, restore, yes_restore, json };
    back(context, &place, &wanted).await
}
