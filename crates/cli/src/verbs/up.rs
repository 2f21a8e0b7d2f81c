//! `mainstay up`

use crate::{
    args::Up,
    context::Context,
    dry_run,
    load::{Need, load_to_run, rereading},
    start,
};
use config::Overrides;
use report::Outcome;

/// Brings the application up and keeps it up, or tells with `--dry-run` what would be done. Where an earlier version of this
/// process has left a running application, that is kept up.
pub(super) async fn up(context: &Context, args: Up) -> u8 {
    let flags = flags(&args);
    if let Some(left) = context.left.clone() {
        let reread = rereading(context, &args.place, flags.clone(), Need::File);
        return start::take_over(context, &left, &flags, reread).await;
    }
    let loaded = match load_to_run(context, &args.place, flags.clone(), Need::File) {
        Ok(loaded) => loaded,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused).code(),
    };
    if args.dry_run {
        return dry_run::report(context, loaded.app, args.json).await.code();
    }
    if args.detach {
        return super::detach::detach(context, &loaded.app, args.wait).await;
    }
    start::introduce(&context.terminal, &loaded.app);
    start::bring_up(context, loaded, rereading(context, &args.place, flags, Need::File)).await
}

/// What was typed, for the configuration.
pub(super) fn flags(args: &Up) -> Overrides {
    Overrides { role: args.role.clone(), ..super::patience(args.patience.clone()) }
}
