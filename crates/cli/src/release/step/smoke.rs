//! One question to the new services.

use super::super::work::failed;
use crate::start::World;
use config::{Access, Smoke, Target};
use control::Door;
use plan::Trouble;
use probe::{Response, http_get_from};
use report::Finding;
use std::net::Ipv4Addr;

/// What a proxy answers for an application that does not (RFC 9110, 15.6).
const GATEWAY: [u16; 3] = [502, 503, 504];
/// So much of an answer that is not what it should be is shown.
const SHOWN: usize = 200;

/// Why it does not pass.
pub(in crate::release) struct Unpassed {
    pub(in crate::release) trouble: Trouble,
    /// Did the application itself answer? Else it may just not listen yet.
    pub(in crate::release) answered: bool,
}

/// Asks it. Of a service, at the door that leads to its new process alone.
pub(in crate::release) async fn ask(world: &World, check: &Smoke, doors: &[Door]) -> Result<(), Unpassed> {
    let door = check.service.as_ref().and_then(|service| doors.iter().find(|door| door.service == *service));
    match &check.target {
        Target::Http { url, status } => http(check, url, *status, door).await,
        target => {
            let asked = probe::ask(target, Access::ReadWrite, check.timeout, &world.probes).await;
            asked.map(drop).map_err(|refusal| no(&target.to_string(), &refusal.to_string(), false))
        }
    }
}

async fn http(check: &Smoke, url: &str, status: Option<u16>, door: Option<&Door>) -> Result<(), Unpassed> {
    let (url, from) = match (door, &check.path) {
        (Some(door), Some(path)) => (format!("http://{}{path}", door.address), from(door)),
        _ => (url.to_owned(), None),
    };
    let response = http_get_from(from, &url, check.timeout).await;
    let response = response.map_err(|refusal| no(&url, &refusal.to_string(), false))?;
    let good = status.map_or((200..400).contains(&response.status), |wanted| response.status == wanted);
    match (good, &check.contains) {
        (false, _) => Err(no(&url, &shown(&response), !GATEWAY.contains(&response.status))),
        (true, Some(text)) if !String::from_utf8_lossy(&response.body).contains(text.as_str()) => {
            Err(no(&url, &format!("{}, and not `{text}`", shown(&response)), true))
        }
        (true, _) => Ok(()),
    }
}

fn from(door: &Door) -> Option<Ipv4Addr> {
    door.from.as_deref()?.parse().ok()
}

fn shown(response: &Response) -> String {
    let body = String::from_utf8_lossy(&response.body);
    let body: String = body.trim().chars().take(SHOWN).collect();
    format!("answered {}{}", response.status, if body.is_empty() { String::new() } else { format!(": {body}") })
}

fn no(what: &str, seen: &str, answered: bool) -> Unpassed {
    let finding = Finding::error(format!("the smoke check `{}` does not pass", config::redact(what)));
    Unpassed { trouble: failed(finding.seen(seen)), answered }
}
