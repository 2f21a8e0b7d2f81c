//! The course of a start, made from its events. Pure.

use crate::Record;
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// A life of mainstay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Life {
    /// Its number, from 1; 0 while it has none.
    pub number: i64,
    /// The application.
    pub app: String,
    /// The version of mainstay.
    pub version: String,
    /// The release of the application, where that is said.
    pub release: Option<String>,
    /// Its process.
    pub pid: u32,
    /// When it began.
    pub begun: Timestamp,
    /// When everything was up.
    pub ready: Option<Timestamp>,
    /// When it ended, if it could say so.
    pub ended: Option<Timestamp>,
}

/// The course of a start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// Whose it is.
    #[serde(flatten)]
    pub life: Life,
    /// Its steps, in their order.
    pub steps: Vec<Step>,
    /// From its beginning to the end of its last step, in seconds.
    pub took_s: f64,
    /// What it came to, in a sentence; nothing while it goes on, or when it was killed.
    pub outcome: Option<String>,
}

/// A step of a start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// `prepare`, `gate`, `migrate` or `start`.
    pub name: String,
    /// From the beginning of the start, in seconds.
    pub began_s: f64,
    /// How long it took, in seconds; nothing when its end was not seen.
    pub took_s: Option<f64>,
    /// `pass` or `fail`; `could not verify` when its end was not seen.
    pub verdict: &'static str,
    /// What was true at its end.
    pub text: String,
    /// What was done in it.
    pub parts: Vec<Part>,
}

/// What was done in a step: a dependency that was waited for, a migration, a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// From the beginning of the start, in seconds.
    pub began_s: f64,
    /// How long it took, in seconds; nothing when its end was not seen.
    pub took_s: Option<f64>,
    /// What was told of it last.
    pub text: String,
}

/// The course of the start of `life`, from its first events on.
pub fn start(life: Life, records: &[Record]) -> Start {
    let begun = records.first().map_or(life.begun, |first| first.at);
    let mut story = Story { begun, steps: Vec::new(), outcome: None };
    for record in records {
        story.follow(record);
        if story.outcome.is_some() {
            break;
        }
    }
    let ends = story.steps.iter().map(|step| step.began_s + step.took_s.unwrap_or_default());
    Start { life, took_s: ends.fold(0.0, f64::max), steps: story.steps, outcome: story.outcome }
}

struct Story {
    begun: Timestamp,
    steps: Vec<Step>,
    outcome: Option<String>,
}

impl Story {
    fn follow(&mut self, record: &Record) {
        match record.name.as_str() {
            "step.started" => self.begin_step(record),
            "step.done" => self.end_step(record, "pass"),
            "step.failed" => self.end_step(record, "fail"),
            "start.done" | "start.interrupted" => self.outcome = Some(record.text.clone()),
            "gate.waiting" | "service.starting" | "service.started" | "schedule.waiting" => self.part(record, false),
            "gate.open" | "migrate.applied" | "service.ready" | "service.failed" | "service.parked"
            | "service.exited" => {
                self.part(record, true);
            }
            _ => {}
        }
    }

    fn begin_step(&mut self, record: &Record) {
        let step = Step {
            name: record.word("step").unwrap_or_default().to_owned(),
            began_s: self.since(record.at),
            took_s: None,
            verdict: "could not verify",
            text: String::new(),
            parts: Vec::new(),
        };
        self.steps.push(step);
    }

    fn end_step(&mut self, record: &Record, verdict: &'static str) {
        let name = record.word("step").unwrap_or_default();
        let took = record.figure("took");
        let end = self.since(record.at);
        let Some(step) = self.steps.iter_mut().rev().find(|step| step.name == name) else { return };
        step.took_s = took;
        // More exact than the time at which its beginning was told.
        step.began_s = took.map_or(step.began_s, |took| milliseconds((end - took).max(0.0)));
        step.verdict = verdict;
        let text = record.text.strip_prefix(name).unwrap_or(&record.text).trim_start_matches(':').trim();
        // How long a step took that was done stands behind it.
        let bare = text.rsplit_once(" (").filter(|_| verdict == "pass").map_or(text, |(text, _)| text);
        bare.clone_into(&mut step.text);
    }

    /// Something is told of a part: it begins with the first word of it, and its end may come more than once.
    fn part(&mut self, record: &Record, ends: bool) {
        let at = self.since(record.at);
        let Some(name) = record.subject().or_else(|| record.word("file")) else { return };
        // What failed a step is told while it still goes on; after its end, it is no part of it any more.
        let Some(step) = self.steps.last_mut().filter(|step| step.took_s.is_none()) else { return };
        let took = record.figure("took");
        let began_s = took.map_or(at, |took| milliseconds((at - took).max(step.began_s)));
        let known = step.parts.iter().position(|part| part.name == name);
        let place = known.unwrap_or_else(|| {
            step.parts.push(Part { name: name.to_owned(), began_s, took_s: None, text: String::new() });
            step.parts.len() - 1
        });
        let part = &mut step.parts[place];
        let text = record.text.strip_prefix(name).unwrap_or(&record.text).trim();
        text.clone_into(&mut part.text);
        if ends {
            part.took_s = Some(milliseconds(at - part.began_s));
        }
    }

    fn since(&self, at: Timestamp) -> f64 {
        let since = Duration::try_from(at.duration_since(self.begun)).unwrap_or_default();
        milliseconds(since.as_secs_f64())
    }
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Event;

    fn at(millis: i64, event: Event) -> Record {
        Record::of(&event, 1, Timestamp::from_millisecond(1_000_000 + millis).unwrap(), str::to_owned)
    }

    fn step(name: &'static str, step: &str, text: &str) -> Event {
        Event::new(name, format!("{step}: {text}")).with("step", step)
    }

    fn took(event: Event, millis: u64) -> Event {
        event.with("took", Duration::from_millis(millis))
    }

    /// S3.9: the timeline of a start, with what was waited for, applied and started.
    #[test]
    fn a_start_is_told_from_its_events() {
        let records = [
            at(0, step("step.started", "gate", "begins")),
            at(5, Event::new("gate.waiting", "main is starting").with("target", "main")),
            at(2000, took(Event::new("gate.open", "main is ready (PostgreSQL 15)").with("target", "main"), 2000)),
            at(2001, took(step("step.done", "gate", "1 dependency ready (2.0 s)"), 2001)),
            at(2001, step("step.started", "migrate", "begins")),
            at(
                2400,
                took(Event::new("migrate.applied", "applied 0001_users in 300 ms").with("file", "0001_users"), 300),
            ),
            at(2500, took(step("step.done", "migrate", "1 applied (499 ms)"), 499)),
            at(2500, step("step.started", "start", "begins")),
            at(2501, Event::new("service.starting", "api starts `api`").with("service", "api")),
            at(2510, Event::new("service.started", "api runs as pid 7").with("service", "api")),
            at(2900, took(Event::new("service.ready", "api is ready after 399 ms").with("service", "api"), 399)),
            at(3000, took(step("step.done", "start", "1 service up (500 ms)"), 500)),
            at(3001, took(Event::new("start.done", "`shop` is up after 3.0 s"), 3000)),
            at(9000, Event::new("service.exited", "api ended").with("service", "api")),
        ];
        let told = start(Life::default(), &records);
        assert_eq!((told.took_s, told.outcome.as_deref()), (3.0, Some("`shop` is up after 3.0 s")));
        let steps: Vec<_> = told
            .steps
            .iter()
            .map(|it| (it.name.as_str(), it.began_s, it.took_s, it.verdict, it.text.as_str()))
            .collect();
        assert_eq!(
            steps,
            [
                ("gate", 0.0, Some(2.001), "pass", "1 dependency ready"),
                ("migrate", 2.001, Some(0.499), "pass", "1 applied"),
                ("start", 2.5, Some(0.5), "pass", "1 service up"),
            ]
        );
        let parts: Vec<_> =
            told.steps.iter().flat_map(|it| &it.parts).map(|it| (it.name.as_str(), it.began_s, it.took_s)).collect();
        assert_eq!(parts, [("main", 0.005, Some(1.995)), ("0001_users", 2.1, Some(0.3)), ("api", 2.501, Some(0.399))]);
        assert_eq!(told.steps[2].parts[0].text, "is ready after 399 ms");
    }

    #[test]
    fn a_start_that_failed_or_was_killed_is_told_as_far_as_it_came() {
        let gate = [
            at(0, step("step.started", "gate", "begins")),
            at(900, Event::new("gate.waiting", "main is down").with("target", "main")),
            at(1000, took(step("step.failed", "gate", "`main` was not ready (in time)"), 1000)),
        ];
        let failed = start(Life::default(), &gate);
        let step = &failed.steps[0];
        assert_eq!(
            (step.verdict, step.text.as_str(), &failed.outcome),
            ("fail", "`main` was not ready (in time)", &None)
        );
        let killed = start(Life::default(), &gate[..2]);
        assert_eq!((killed.steps[0].verdict, killed.steps[0].took_s), ("could not verify", None));
        assert_eq!(killed.steps[0].parts[0].took_s, None);
        assert_eq!(start(Life::default(), &[]).steps, []);
    }
}
