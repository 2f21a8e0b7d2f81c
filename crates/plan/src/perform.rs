//! Carrying a plan out.

use crate::{Entry, Plan, Step, StepKind, Timeline};
use report::{Event, Finding, Journal, Level, Outcome, Verdict, seconds};
use std::{fmt, future::Future};
use tokio::time::Instant;

/// Carries steps out. The command line has the real one; tests have a scripted one.
pub trait Stage {
    /// Does `step`; answers with one sentence about what is now true.
    fn perform(&mut self, step: &StepKind) -> impl Future<Output = Result<String, Trouble>>;
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How the whole run ends because of it.
    pub outcome: Outcome,
    /// All that is wrong, the most important first; at least one.
    pub findings: Vec<Finding>,
}

/// How a plan went.
#[derive(Clone, Debug, PartialEq)]
pub struct Performed {
    /// [`Outcome::Done`], [`Outcome::Degraded`] after a failure that was allowed, or the outcome of the failed step.
    pub outcome: Outcome,
    /// What went wrong.
    pub findings: Vec<Finding>,
    /// How long each step took.
    pub timeline: Timeline,
}

impl Plan {
    /// Carries out every step in order, telling `journal`; stops at the first failure that is not allowed.
    pub async fn perform(&self, stage: &mut impl Stage, journal: &dyn Journal) -> Performed {
        let begun = Instant::now();
        let mut performed = Performed { outcome: Outcome::Done, findings: Vec::new(), timeline: Timeline::default() };
        for step in &self.steps {
            let began = begun.elapsed();
            journal.note(started(step));
            let result = stage.perform(&step.kind).await;
            let took = begun.elapsed() - began;
            let verdict = if result.is_ok() { Verdict::Pass } else { Verdict::Fail };
            performed.timeline.entries.push(Entry { step: step.kind.name(), began, took, verdict });
            match result {
                Ok(truth) => journal.note(done(step, &truth, took)),
                Err(trouble) => {
                    journal.note(failed(step, &trouble, took));
                    performed.findings.extend(trouble.findings);
                    if !step.may_fail || trouble.outcome == Outcome::Interrupted {
                        performed.outcome = trouble.outcome;
                        return performed;
                    }
                    performed.outcome = Outcome::Degraded;
                }
            }
        }
        performed
    }
}

fn started(step: &Step) -> Event {
    let name = step.kind.name();
    Event::new("step.started", format!("{name}: begins")).level(Level::Debug).with("step", name)
}

fn done(step: &Step, truth: &str, took: std::time::Duration) -> Event {
    let name = step.kind.name();
    Event::new("step.done", format!("{name}: {truth} ({})", seconds(took))).with("step", name).with("took", took)
}

fn failed(step: &Step, trouble: &Trouble, took: std::time::Duration) -> Event {
    let name = step.kind.name();
    let reason = trouble.findings.first().map(|finding| finding.summary.as_str()).unwrap_or("no reason given");
    let consequence = if step.may_fail { "; going on without it, degraded" } else { "" };
    Event::new("step.failed", format!("{name}: {reason}{consequence}"))
        .level(if step.may_fail { Level::Warn } else { Level::Error })
        .with("step", name)
        .with("took", took)
        .with("reason", reason)
}

impl Trouble {
    /// A failure with one finding.
    pub fn new(outcome: Outcome, finding: Finding) -> Self {
        Self { outcome, findings: vec![finding] }
    }

    /// The most important finding in one line.
    pub fn in_a_line(&self) -> String {
        first_in_a_line(&self.findings)
    }
}

/// The most important of them in one line; nothing of none.
pub fn first_in_a_line(findings: &[Finding]) -> String {
    findings.first().map(Finding::in_a_line).unwrap_or_default()
}

impl From<Finding> for Trouble {
    fn from(finding: Finding) -> Self {
        Self::new(Outcome::Failed, finding)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Recorder;
    use std::time::Duration;
    use tokio::time::sleep;

    /// Takes a second for each step; fails those it is told to.
    struct Scripted(Vec<(&'static str, Outcome)>);

    impl Stage for Scripted {
        async fn perform(&mut self, step: &StepKind) -> Result<String, Trouble> {
            sleep(Duration::from_secs(1)).await;
            match self.0.iter().find(|(name, _)| *name == step.name()) {
                Some((_, outcome)) => Err(Trouble::new(*outcome, Finding::error("it broke"))),
                None => Ok("done".into()),
            }
        }
    }

    fn plan(migrate_may_fail: bool) -> Plan {
        let gate = StepKind::Gate { dependencies: vec!["main".into()] };
        let migrate = StepKind::Migrate { database: "main".into(), source: "migrations".into() };
        let start = StepKind::Start { services: vec!["api".into()], jobs: Vec::new() };
        let may_fail = [false, migrate_may_fail, false];
        Plan {
            steps: [gate, migrate, start]
                .into_iter()
                .zip(may_fail)
                .map(|(kind, may_fail)| Step { kind, may_fail })
                .collect(),
        }
    }

    async fn run(migrate_may_fail: bool, failing: Vec<(&'static str, Outcome)>) -> (Performed, Vec<String>) {
        let journal = Recorder::default();
        let performed = plan(migrate_may_fail).perform(&mut Scripted(failing), &journal).await;
        (performed, journal.texts())
    }

    /// S1.6: one success marker for each step.
    #[tokio::test(start_paused = true)]
    async fn each_step_says_when_it_is_done_and_how_long_it_took() {
        let (performed, texts) = run(false, vec![]).await;
        assert_eq!(performed.outcome, Outcome::Done);
        assert_eq!(
            texts,
            [
                "gate: begins",
                "gate: done (1.0 s)",
                "migrate: begins",
                "migrate: done (1.0 s)",
                "start: begins",
                "start: done (1.0 s)"
            ]
        );
        assert_eq!(performed.timeline.total(), Duration::from_secs(3));
    }

    /// S3.1: strict stops, degraded goes on.
    #[tokio::test(start_paused = true)]
    async fn strict_stops_and_degraded_goes_on() {
        let (strict, texts) = run(false, vec![("migrate", Outcome::Failed)]).await;
        assert_eq!((strict.outcome, strict.timeline.entries.len()), (Outcome::Failed, 2));
        assert_eq!(texts.last().unwrap(), "migrate: it broke");

        let (degraded, texts) = run(true, vec![("migrate", Outcome::Failed)]).await;
        assert_eq!((degraded.outcome, degraded.timeline.entries.len()), (Outcome::Degraded, 3));
        assert!(texts.contains(&"migrate: it broke; going on without it, degraded".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_it_even_where_failure_is_allowed() {
        let (performed, _) = run(true, vec![("migrate", Outcome::Interrupted)]).await;
        assert_eq!((performed.outcome, performed.timeline.entries.len()), (Outcome::Interrupted, 2));
    }

    #[test]
    fn a_plan_prints_as_a_list() {
        assert_eq!(
            plan(true).to_string(),
            "1. gate     wait for `main`\n2. migrate  bring `main` up to date with `migrations` (the rest follows even if it fails)\n3. start    `api`\n"
        );
    }
}
