//! `mainstay health`

use crate::{
    args::Health,
    context::Context,
    load::{Need, Reading, load},
};
use config::Overrides;
use report::{Finding, Outcome};
use std::time::Duration;

/// A probe of a container has a time limit of its own, 30 s by default; this one comes first.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks a running mainstay how the application is.
pub(super) async fn health(context: &Context, args: Health) -> Outcome {
    let url = match address(context, &args) {
        Ok(base) => format!("{base}/{}", if args.ready { "readyz" } else { "healthz" }),
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    match probe::http_get(&url, LIMIT).await {
        Ok(response) => {
            let body = String::from_utf8_lossy(&response.body);
            let (outcome, line) = health::verdict_of(response.status, &body);
            context.terminal.data(if args.json { &body } else { &line });
            match (args.probe, response.status) {
                (true, 200..300) => Outcome::Done,
                (true, _) => Outcome::Failed,
                (false, _) => outcome,
            }
        }
        Err(refusal) => {
            let finding = Finding::error("mainstay does not answer").seen(&url).seen(&refusal);
            super::tell(context, &[finding.hint("is it running, and is this its `health.listen`?")], Outcome::Failed)
        }
    }
}

/// Where mainstay answers, without a path.
fn address(context: &Context, args: &Health) -> Result<String, Vec<Finding>> {
    if let Some(url) = &args.url {
        let url = url.trim_end_matches('/');
        return Ok(if url.contains("://") { url.to_owned() } else { format!("http://{url}") });
    }
    let app = load(context, &args.place, Overrides::default(), Need::Anything, Reading::Lenient)?.app;
    match app.health.listen {
        Some(address) if address.ip().is_unspecified() => Ok(format!("http://127.0.0.1:{}", address.port())),
        Some(address) => Ok(format!("http://{address}")),
        None => Err(vec![
            Finding::error("there is no health address to ask")
                .hint("set `[health] listen`, MAINSTAY_HEALTH_LISTEN or --url 127.0.0.1:8900"),
        ]),
    }
}
