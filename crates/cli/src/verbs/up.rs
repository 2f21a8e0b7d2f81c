//! `mainstay up`

use crate::{
    args::Up,
    context::Context,
    dry_run,
    load::{Need, Reading, load, rereading},
    start,
};
use config::Overrides;
use report::Outcome;

/// Brings the application up and keeps it up, or tells with `--dry-run` what would be done.
pub(super) async fn up(context: &Context, args: Up) -> u8 {
    let flags = Overrides { role: args.role, ..super::patience(args.patience) };
    let resolved = match load(context, &args.place, flags.clone(), Need::File, Reading::Strict) {
        Ok(resolved) => resolved,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused).code(),
    };
    let app = resolved.app;
    if args.dry_run {
        return dry_run::report(context, app, args.json).await.code();
    }
    if args.detach {
        return super::detach::detach(context, &app, args.wait).await;
    }
    start::introduce(&context.terminal, &app);
    start::bring_up(context, app, rereading(context, &args.place, flags, Need::File)).await
}
