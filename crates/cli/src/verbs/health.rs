//! `mainstay health`

use crate::{
    args::Health,
    context::Context,
    load::{Need, Reading, load},
};
use config::{Overrides, Target};
use report::{Finding, Outcome};
use std::{net::SocketAddr, time::Duration};

/// A probe of a container has a time limit of its own, 30 s by default; this one comes first.
const LIMIT: Duration = Duration::from_secs(5);

/// Asks a running mainstay how the application is.
pub(super) async fn health(context: &Context, args: Health) -> Outcome {
    let outcome = match page(context, &args) {
        Ok(url) => ask(context, &args, &url).await,
        Err(findings) => super::tell(context, &findings, Outcome::Misused),
    };
    match outcome {
        // Docker keeps other codes than 0 and 1 for itself.
        outcome if args.probe && outcome != Outcome::Done => Outcome::Failed,
        outcome => outcome,
    }
}

async fn ask(context: &Context, args: &Health, url: &str) -> Outcome {
    match probe::http_get(url, LIMIT).await {
        Ok(response) => {
            let body = String::from_utf8_lossy(&response.body);
            let (outcome, line) = health::verdict_of(response.status, &body);
            let good = args.probe && (200..300).contains(&response.status);
            super::answer(context, if args.json { &body } else { &line }, if good { Outcome::Done } else { outcome })
        }
        Err(refusal) => {
            let finding = Finding::error("mainstay does not answer").seen(url).seen(&refusal);
            super::tell(context, &[finding.hint("is it running, and is this its `health.listen`?")], Outcome::Failed)
        }
    }
}

/// The whole URL of what is asked.
fn page(context: &Context, args: &Health) -> Result<String, Vec<Finding>> {
    let base = match &args.url {
        Some(text) => base(text)?,
        None => configured(context, args)?,
    };
    let page = if args.ready { "readyz" } else { "healthz" };
    let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    match (path.is_empty(), args.ready) {
        (true, _) => Ok(format!("{}/{page}", base.trim_end_matches('/'))),
        (false, false) => Ok(base),
        (false, true) => {
            let finding = Finding::error("`--ready` asks `/readyz`, and `--url` names a page itself").seen(&base);
            Err(vec![finding.hint("leave out `--ready`, or the path")])
        }
    }
}

/// An address as `health.listen` takes it, `host:port`, or a URL.
fn base(text: &str) -> Result<String, Vec<Finding>> {
    let url = match config::parse_address(text) {
        Ok(address) => of(address),
        Err(_) if text.contains("://") => text.to_owned(),
        Err(_) => format!("http://{text}"),
    };
    match Target::parse(&url) {
        Ok(Target::Http { url, .. }) => Ok(url),
        Ok(other) => Err(vec![
            Finding::error("`--url`: mainstay answers over HTTP alone").seen(other).hint("write `127.0.0.1:8900`"),
        ]),
        Err(error) => Err(vec![error.finding().hint("write `127.0.0.1:8900` or `http://127.0.0.1:8900`")]),
    }
}

/// The health address of the configuration.
fn configured(context: &Context, args: &Health) -> Result<String, Vec<Finding>> {
    let app = load(context, &args.place, Overrides::default(), Need::Anything, Reading::Lenient)?.app;
    app.health.listen.map(of).ok_or_else(|| {
        let hint = "set `[health] listen`, MAINSTAY_HEALTH_LISTEN or --url 127.0.0.1:8900";
        vec![Finding::error("there is no health address to ask").hint(hint)]
    })
}

/// Who listens everywhere is asked on this machine.
fn of(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        _ => format!("http://{address}"),
    }
}
