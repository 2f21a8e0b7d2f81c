//! `mainstay schema`

use crate::context::Context;
use report::Outcome;

/// Prints the JSON schema of `mainstay.toml`.
pub(super) fn schema(context: &Context) -> Outcome {
    super::answer(context, &format!("{:#}", config::schema()), Outcome::Done)
}
