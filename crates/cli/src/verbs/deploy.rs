//! `mainstay deploy`

use crate::{
    args,
    context::Context,
    release::{Wish, release},
};
use report::Outcome;

/// Makes a release of a commit and brings it live.
pub(super) async fn deploy(context: &Context, args: args::Deploy) -> Outcome {
    let wish = Wish {
        reference: args.reference,
        rebuild: args.rebuild,
        dry_run: args.dry_run,
        json: args.json,
        clean: args.clean,
        yes_destroy: args.yes_destroy,
        by: context.env.get(crate::start::BY).cloned(),
    };
    release(context, &args.place, &wish).await
}
