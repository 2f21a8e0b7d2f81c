//! `mainstay down`

use crate::{
    args,
    context::{Context, tell},
    daemon::{Daemon, SOON},
};
use control::{Ask, Down};
use report::{Finding, Outcome, seconds};
use tokio::time::timeout;

/// Stops everything, and waits until the process is gone.
pub(super) async fn down(context: &Context, args: args::Down) -> Outcome {
    let down: Down = match ask(context, &args).await {
        Ok(down) => down,
        Err(outcome) => return outcome,
    };
    match timeout(args.timeout, host::proc::wait_gone(down.pid)).await {
        Ok(Ok(())) => {
            let text = format!("`{}` is stopped", down.app);
            super::answer(context, &super::text(args.look.json, &down, text), Outcome::Done)
        }
        Ok(Err(error)) => {
            let finding = Finding::error(format!("process {} was asked to stop and cannot be waited for", down.pid));
            tell(context, &[finding.because(&error)], Outcome::Degraded)
        }
        Err(_) => {
            let finding = Finding::error(format!("`{}` is not stopped after {}", down.app, seconds(args.timeout)));
            let hint = format!("`mainstay ps` tells who is left; `kill {}` kills everybody at once", down.pid);
            tell(context, &[finding.hint(hint)], Outcome::NotYet)
        }
    }
}

async fn ask(context: &Context, args: &args::Down) -> Result<Down, Outcome> {
    Daemon::of(context, &args.look.place)?.ask(context, &Ask::Down, SOON).await
}
