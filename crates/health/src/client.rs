//! What an answer of the health page means to somebody who asked, as a container's `HEALTHCHECK` does.

use report::Outcome;
use serde_json::Value;

/// What the answer of `/healthz` means, as an exit code and a line: done when it is `ok`, degraded when it is degraded or
/// not one of our pages, failed when it is critical, not yet while it starts.
pub fn verdict_of(status: u16, body: &str) -> (Outcome, String) {
    match serde_json::from_str::<Value>(body).ok().as_ref().and_then(read) {
        Some(page) => (page.outcome(status), page.line()),
        None => foreign(status),
    }
}

struct Page<'a> {
    status: &'a str,
    phase: &'a str,
    reasons: Vec<&'a str>,
}

fn read(body: &Value) -> Option<Page<'_>> {
    let reasons = body.get("reasons")?.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(Page { status: body.get("status")?.as_str()?, phase: body.get("phase")?.as_str()?, reasons })
}

impl Page<'_> {
    fn outcome(&self, status: u16) -> Outcome {
        match (self.status, status) {
            ("ok", 200) => Outcome::Done,
            ("degraded", 200) => Outcome::Degraded,
            ("critical", 200) => Outcome::NotYet,
            _ => Outcome::Failed,
        }
    }

    fn line(&self) -> String {
        let word = match (self.status, self.phase) {
            ("critical", phase) if phase != "watch" => format!("{} ({phase})", self.status),
            (status, _) => status.to_owned(),
        };
        match self.reasons.is_empty() {
            true => word,
            false => format!("{word}: {}", self.reasons.join("; ")),
        }
    }
}

/// Somebody else answers on that port: nothing is known about this application.
fn foreign(status: u16) -> (Outcome, String) {
    let text = format!("could not verify: status {status}, but not a health page of mainstay");
    (if status == 200 { Outcome::Degraded } else { Outcome::Failed }, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: &str, phase: &str, reasons: &str) -> String {
        format!(r#"{{"ok":false,"status":"{status}","phase":"{phase}","reasons":[{reasons}]}}"#)
    }

    /// S2.9, S3.5: what a script that calls `mainstay health` learns.
    #[test]
    fn answers_and_exit_codes() {
        let cases = [
            (200, page("ok", "watch", ""), Outcome::Done, "ok"),
            (200, page("degraded", "watch", r#""redis is down""#), Outcome::Degraded, "degraded: redis is down"),
            (503, page("critical", "watch", r#""a","b""#), Outcome::Failed, "critical: a; b"),
            (
                200,
                page("critical", "gate", r#""main is recovering""#),
                Outcome::NotYet,
                "critical (gate): main is recovering",
            ),
            (503, page("critical", "start", r#""api is failed""#), Outcome::Failed, "critical (start): api is failed"),
            (
                200,
                "<html>".into(),
                Outcome::Degraded,
                "could not verify: status 200, but not a health page of mainstay",
            ),
            (502, "{}".into(), Outcome::Failed, "could not verify: status 502, but not a health page of mainstay"),
        ];
        for (status, body, outcome, line) in cases {
            assert_eq!(verdict_of(status, &body), (outcome, line.to_owned()), "{status} {body}");
        }
    }
}
