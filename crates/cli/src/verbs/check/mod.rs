//! `mainstay check`: all that can be looked at before a start or a release, as a list.

mod certificates;
mod committed;
mod databases;
mod release;
mod site;

use crate::{
    args,
    context::{Context, tell},
    load::{Need, Reading, load_in_silence},
    start::World,
    verbs::answer,
};
use config::Overrides;
use report::{Check, Finding, Outcome, Severity, Verdict};

/// Looks at everything, and changes nothing. What cannot be looked at keeps nothing else from being looked at.
pub(super) async fn check(context: &Context, args: args::Check) -> Outcome {
    let flags = Overrides { role: args.role.clone(), ..Overrides::default() };
    // Of a release the commit's own file has to be complete.
    let reading = if args.release.is_some() { Reading::Lenient } else { Reading::Strict };
    let mut checks = match load_in_silence(context, &args.place, flags.clone(), Need::File, reading) {
        Ok(resolved) => {
            let configuration = one("configuration", &resolved.warnings, "complete");
            let (mut checks, app) = match &args.release {
                Some(reference) => {
                    match committed::look(context, &args.place, &resolved.app, reference.as_deref(), flags.clone())
                        .await
                    {
                        Ok((checks, app)) => (checks, app.unwrap_or(resolved.app)),
                        Err(problems) => return tell(context, &problems, Outcome::Misused),
                    }
                }
                None => (Vec::new(), resolved.app),
            };
            let world = World::new(context, app);
            checks.push(configuration);
            checks.extend(site::look(&world));
            checks.extend(certificates::look(&world));
            checks.extend(databases::look(&world).await);
            if args.release.is_some() {
                checks.extend(release::look(&world).await);
            }
            checks
        }
        // Without it nothing else is known.
        Err(problems) => match load_in_silence(context, &args.place, flags, Need::File, Reading::Lenient) {
            Ok(_) => vec![one("environment", &problems, "")],
            Err(_) => return tell(context, &problems, Outcome::Misused),
        },
    };
    checks.sort_by_key(|check| check.verdict == Verdict::Skipped);
    let outcome = outcome(&checks);
    let text = match args.json {
        true => format!("{:#}", serde_json::json!({ "verdict": verdict(&checks), "checks": checks })),
        false => told(&checks),
    };
    answer(context, &text, outcome)
}

fn outcome(checks: &[Check]) -> Outcome {
    match verdict(checks) {
        Verdict::Fail => Outcome::Failed,
        Verdict::CouldNotVerify => Outcome::Degraded,
        Verdict::Pass | Verdict::Skipped => Outcome::Done,
    }
}

/// Of all together: the worst.
fn verdict(checks: &[Check]) -> Verdict {
    let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
    match (any(Verdict::Fail), any(Verdict::CouldNotVerify)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::CouldNotVerify,
        (false, false) => Verdict::Pass,
    }
}

fn told(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.subject.chars().count()).max().unwrap_or_default();
    let line = |check: &Check| {
        let hint = check.hint.as_ref().map(|hint| format!("\n{:19}hint: {hint}", "")).unwrap_or_default();
        format!("{:16} {:width$}  {}{hint}\n", check.verdict, check.subject, check.seen)
    };
    let lines: String = checks.iter().map(line).collect();
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Fail).count();
    let unseen = checks.iter().filter(|check| check.verdict == Verdict::CouldNotVerify).count();
    format!("{lines}{}: {} looked at, {failed} failed, {unseen} could not be verified", verdict(checks), checks.len())
}

/// A look, with its verdict and what was seen.
fn check_of(subject: impl Into<String>, verdict: Verdict, seen: impl Into<String>) -> Check {
    Check { subject: subject.into(), verdict, seen: seen.into(), hint: None }
}

fn with_hint(check: Check, hint: impl Into<String>) -> Check {
    Check { hint: Some(hint.into()), ..check }
}

/// What several findings are together: an error fails, a warning does not.
fn one(subject: &str, findings: &[Finding], fine: &str) -> Check {
    let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
    let verdict = if bad { Verdict::Fail } else { Verdict::Pass };
    let told: Vec<_> = findings.iter().map(|finding| finding.summary.clone()).collect();
    let seen = if told.is_empty() { fine.to_owned() } else { told.join("; ") };
    let hint = findings.iter().find_map(|finding| finding.hint.clone());
    Check { hint, ..check_of(subject, verdict, seen) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S2.20: what could not be looked at is never a pass, and one failure fails all.
    #[test]
    fn the_worst_counts() {
        use Verdict::{CouldNotVerify, Fail, Pass, Skipped};
        let of = |verdicts: &[Verdict]| {
            let checks: Vec<_> = verdicts.iter().map(|verdict| check_of("it", *verdict, "")).collect();
            outcome(&checks).code()
        };
        assert_eq!(of(&[Pass, Skipped]), 0);
        assert_eq!(of(&[Pass, CouldNotVerify, Skipped]), 3);
        assert_eq!(of(&[CouldNotVerify, Fail, Pass]), 1);
    }
}
