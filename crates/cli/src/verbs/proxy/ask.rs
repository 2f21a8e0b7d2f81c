//! Asks a running proxy.

use crate::{
    args::{Asked, Switch},
    context::{Context, tell},
    verbs,
    words::proxy as words,
};
use proxy::control::{self, Ask, AskError};
use report::{Finding, Outcome};
use std::{path::Path, time::Duration};
use tokio::time::timeout;

/// What is only looked up is answered at once, unless the machine is very busy.
const SOON: Duration = Duration::from_secs(10);
/// The authority may take its time.
const ORDER: Duration = Duration::from_secs(15 * 60);
/// A switch takes as long as the proof and the draining; beyond that nobody answers.
const LONGEST: Duration = Duration::from_secs(2 * 24 * 3600);

/// `mainstay proxy switch`
pub(super) async fn switch(context: &Context, args: Switch) -> Outcome {
    let order = control::Switch {
        to: args.to.to_string(),
        health: args.health,
        within_s: Some(args.within.as_secs_f64()),
        drain_s: args.drain.map(|drain| drain.as_secs_f64()),
    };
    ask(context, &Ask::Switch(order), &args.asked).await
}

/// `mainstay proxy renew`
pub(super) async fn renew(context: &Context, args: Asked) -> Outcome {
    ask(context, &Ask::Renew, &args).await
}

/// Asks, and shows the answer.
pub(super) async fn ask(context: &Context, ask: &Ask, args: &Asked) -> Outcome {
    let path = context.cwd.join(&args.socket.control);
    let limit = match ask {
        Ask::Switch(_) => LONGEST,
        Ask::Renew => ORDER,
        Ask::Look | Ask::Hold | Ask::Resume => SOON,
    };
    match timeout(limit, control::ask(&path, ask)).await {
        Ok(Ok(view)) => verbs::answer(context, &verbs::text(args.json, &view, words::proxy(&view)), Outcome::Done),
        Ok(Err(error)) => tell(context, &[finding(&error, ask, &path)], Outcome::Failed),
        Err(_) => {
            let finding = Finding::error(format!("the proxy does not answer within {}", report::seconds(limit)));
            tell(context, &[finding.seen(path.display())], Outcome::Degraded)
        }
    }
}

fn finding(error: &AskError, ask: &Ask, path: &Path) -> Finding {
    let finding = Finding::error(error.to_string());
    match error {
        AskError::NotRunning => finding
            .seen(format!("nobody listens at `{}`", path.display()))
            .hint("`mainstay proxy --listen … --to …` starts one; `--control` names the socket of another"),
        AskError::Denied => finding
            .seen(format!("`{}`: permission denied", path.display()))
            .hint("ask as the user who runs it, or as root"),
        AskError::Refused(refused) => match &refused.seen {
            Some(seen) => finding.seen(seen).hint(match ask {
                Ask::Renew => "the certificate that was shown before is shown on",
                _ => "requests go where they went before",
            }),
            None => finding,
        },
        AskError::Io(_) | AskError::Http(_) | AskError::Garbled(_) => {
            finding.seen(format!("it listens at `{}`", path.display()))
        }
    }
}
