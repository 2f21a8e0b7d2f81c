//! Where a forge tells of pushes.

use crate::{
    DEPLOY_COMMAND, Health, HookOn, Metrics, Provider, Service, Webhook,
    file::{Table, Written},
};
use report::{Finding, Secret};
use std::net::SocketAddr;

/// A shorter secret can be guessed.
const SHORTEST: usize = 16;

/// The section `[deploy.webhook]`; nothing when it is not there.
pub(super) fn read(deploy: &Table<'_>, branch: &str, services: &[Service], health: &Health) -> Option<Webhook> {
    let table = deploy.table("webhook");
    let (listen, path) = (table.setting("listen").address(), path(&table));
    let (chosen, provider, on) =
        (super::branch(&table.setting("branch")), table.setting("provider").choice(), table.setting("on").choice());
    let secret = table.setting("secret").written();
    if !table.is_written() {
        return None;
    }
    match listen {
        Some(address) => refuse_taken(&table, address, services, health),
        None if health.listen.is_none() && table.setting("listen").given().is_none() => nowhere(&table),
        None => {}
    }
    let secret = told(&table, secret);
    Some(Webhook {
        listen,
        path: path?,
        secret: secret?,
        provider: if provider == Some("gitlab") { Provider::GitLab } else { Provider::GitHub },
        branch: chosen.unwrap_or_else(|| branch.to_owned()),
        on: if on == Some("ci") { HookOn::Ci } else { HookOn::Push },
        command: DEPLOY_COMMAND.map(str::to_owned).to_vec(),
    })
}

fn path(table: &Table<'_>) -> Option<String> {
    /// Those of the health pages.
    const TAKEN: [&str; 6] = ["/", "/healthz", "/readyz", "/health", "/ready", "/metrics"];
    let setting = table.setting("path");
    let written = setting.written()?;
    let problem = match written.text.as_str() {
        text if TAKEN.contains(&text) => "it is one of the health pages",
        text if !text.starts_with('/') => "a path begins with `/`",
        text if text.contains(['?', '#', ' ']) || !text.is_ascii() => "a path has no `?`, `#` nor blank",
        text => return Some(text.to_owned()),
    };
    setting.refuse(&written, problem, "write a path of its own, such as `/hooks/deploy`");
    None
}

/// S4.11, S4.15: without a secret anybody could make a release.
fn told(table: &Table<'_>, written: Option<Written>) -> Option<Secret> {
    const HINT: &str = "`openssl rand -hex 32` makes one; keep it in a variable: `secret = \"${WEBHOOK_SECRET}\"`";
    let setting = table.setting("secret");
    match written {
        Some(written) if written.text.len() >= SHORTEST => Some(Secret::new(written.text)),
        Some(written) => {
            setting.refuse(&written, &format!("it has fewer than {SHORTEST} characters"), HINT);
            None
        }
        None if table.value("secret").is_some() => None,
        None => {
            let finding = Finding::error("`[deploy.webhook]` has no `secret`: anybody could make a release");
            setting.missing(at(table, finding.hint(HINT)));
            None
        }
    }
}

fn nowhere(table: &Table<'_>) {
    let finding = Finding::error("nobody listens for `[deploy.webhook]`");
    let hint = "give it a `listen`, or `[health]`, beside whose pages it is answered then";
    table.setting("listen").missing(at(table, finding.hint(hint)));
}

/// The place of the first thing that stands in the section.
fn at(table: &Table<'_>, finding: Finding) -> Finding {
    let spans = ["path", "provider", "branch", "on", "secret"].into_iter().filter_map(|key| table.span(key));
    match spans.min_by_key(|span| span.start) {
        Some(span) => table.context.at(finding, &span),
        None => finding,
    }
}

fn refuse_taken(table: &Table<'_>, address: SocketAddr, services: &[Service], health: &Health) {
    let metrics = match health.metrics {
        Metrics::Own(address) => Some(address),
        Metrics::Off | Metrics::WithHealth => None,
    };
    let of_services = services.iter().map(|it| (format!("the service `{}`", it.name), it.listen));
    let pages = [("`[health]`", health.listen), ("`[health]`", health.tcp), ("`[health]`", metrics)];
    let mut all = of_services.chain(pages.map(|(who, address)| (who.to_owned(), address)));
    let setting = table.setting("listen");
    if let Some((who, _)) = all.find(|(_, taken)| *taken == Some(address) && address.port() != 0)
        && let Some(written) = setting.given()
    {
        setting.refuse(&written, &format!("{who} listens on `{address}`"), "give one of them another port");
    }
}
