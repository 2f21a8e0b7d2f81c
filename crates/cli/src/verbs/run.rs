//! `mainstay run -- CMD`

use crate::{
    args::{Place, Run},
    context::Context,
    dry_run,
    load::{Need, load_to_start, rereading},
    start,
};
use config::Overrides;
use report::Outcome;

/// Gate, migrations and health round one command, without any file: a container's entrypoint.
pub(super) async fn run(context: &Context, args: Run) -> u8 {
    let (dry, json) = (args.dry_run, args.json);
    let flags = flags(args);
    // The command's lines pass as they are, for it may be the only program of its container.
    match load_to_start(context, &Place::nowhere(), flags.clone(), Need::Anything) {
        Ok(loaded) if dry => dry_run::report(context, loaded.app, json).await.code(),
        Ok(loaded) => {
            let reread = rereading(context, &Place::nowhere(), flags, Need::Anything);
            start::bring_up(context, loaded, reread).await
        }
        Err(findings) => super::tell(context, &findings, Outcome::Misused).code(),
    }
}

fn flags(args: Run) -> Overrides {
    let on_failure = match (args.degraded, args.strict) {
        (true, _) => Some("degrade".to_owned()),
        (_, true) => Some("stop".to_owned()),
        _ => None,
    };
    Overrides {
        data: args.data,
        databases: args.database,
        needs: args.need,
        dir: args.dir,
        migrate: args.migrate,
        on_failure,
        listen: args.health_listen,
        tcp: args.health_tcp,
        metrics: args.metrics,
        command: Some(args.command),
        health: args.health,
        restart: args.restart,
        env_files: args.env_file,
        grace: args.grace,
        start_delay: args.start_delay,
        ..super::patience(args.patience)
    }
}
