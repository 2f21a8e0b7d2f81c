//! A day, made from its events. Pure.

use crate::{Life, Record};
use jiff::Timestamp;
use report::Level;
use serde::Serialize;
use std::time::Duration;

/// A day, or any other span of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Day {
    /// Lives of mainstay that began in it.
    pub starts: Vec<Life>,
    /// When databases and other dependencies were away.
    pub outages: Vec<Outage>,
    /// What became of the services, by name.
    pub services: Vec<ServiceDay>,
    /// What became of the jobs, by name.
    pub jobs: Vec<JobDay>,
    /// All that was told as a warning or an error, once for each in a row.
    pub incidents: Vec<Incident>,
}

/// A dependency was away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outage {
    /// Its name.
    pub dependency: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when; nothing when its end was not seen.
    pub to: Option<Timestamp>,
    /// For how long, in seconds.
    pub away_s: Option<f64>,
    /// What it did, and why.
    pub reason: String,
}

/// A day of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceDay {
    /// Its name.
    pub service: String,
    /// How often its program was started.
    pub starts: u32,
    /// Restarts that nobody asked for.
    pub restarts: u32,
    /// How often it was found unhealthy.
    pub unhealthy: u32,
    /// How often it waited for a dependency.
    pub parked: u32,
    /// How often it failed for good.
    pub failed: u32,
    /// How it ended last without being asked.
    pub last_end: Option<String>,
}

/// A day of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct JobDay {
    /// Its name.
    pub job: String,
    /// Runs that were done.
    pub done: u32,
    /// Runs that failed.
    pub failed: u32,
    /// Runs that were left out or stopped.
    pub skipped: u32,
    /// How long the longest run took, in seconds.
    pub longest_s: f64,
    /// What was told of the last run.
    pub last: String,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// When it was first told.
    pub time: Timestamp,
    /// `warn` or `error`.
    pub level: String,
    /// The event's name.
    pub event: String,
    /// The sentence.
    pub text: String,
    /// How often it was told in a row, by name and subject.
    pub times: u32,
}

/// The day of these lives and events.
pub fn day(starts: Vec<Life>, records: &[Record]) -> Day {
    let mut day = Day { starts, ..Day::default() };
    let mut last = None;
    for record in records {
        day.outage(record);
        day.service(record);
        day.job(record);
        if record.level >= Level::Warn {
            day.incident(record, &mut last);
        }
    }
    day
}

impl Day {
    fn outage(&mut self, record: &Record) {
        let Some(name) = record.word("target") else { return };
        let open = self.outages.iter_mut().rev().find(|it| it.dependency == name && it.to.is_none());
        match (record.name.as_str(), open) {
            ("health.down" | "gate.waiting", None) => {
                self.outages.push(outage(name, record.at, record.word("reason").unwrap_or(&record.text)));
            }
            ("health.up" | "gate.open", Some(open)) => {
                // Told with how long it was away, from the first check that failed.
                open.from = began(record).filter(|_| record.name == "health.up").unwrap_or(open.from);
                open.ends(record.at);
            }
            ("health.up", None) => {
                // It began before this day.
                let mut before = outage(name, began(record).unwrap_or(record.at), "");
                before.ends(record.at);
                self.outages.push(before);
            }
            _ => {}
        }
    }

    fn service(&mut self, record: &Record) {
        let Some(name) = record.word("service") else { return };
        let place = place(
            &mut self.services,
            |it| it.service == name,
            || ServiceDay { service: name.to_owned(), ..ServiceDay::default() },
        );
        let count = match record.name.as_str() {
            "service.started" => &mut place.starts,
            "service.restarting" => &mut place.restarts,
            "service.unhealthy" => &mut place.unhealthy,
            "service.parked" => &mut place.parked,
            "service.failed" => &mut place.failed,
            "service.exited" => return place.last_end = Some(record.text.clone()),
            _ => return,
        };
        *count += 1;
    }

    fn job(&mut self, record: &Record) {
        let Some(name) = record.word("job") else { return };
        let place = place(&mut self.jobs, |it| it.job == name, || JobDay { job: name.to_owned(), ..JobDay::default() });
        match record.name.as_str() {
            "schedule.done" => place.done += 1,
            "schedule.failed" => place.failed += 1,
            "schedule.skipped" | "schedule.stopped" => place.skipped += 1,
            _ => return,
        }
        place.longest_s = place.longest_s.max(record.figure("took").unwrap_or_default());
        place.last.clone_from(&record.text);
    }

    /// The same once more is counted, not told again.
    fn incident<'a>(&mut self, record: &'a Record, last: &mut Option<(&'a str, Option<&'a str>)>) {
        let what = (record.name.as_str(), record.subject());
        if *last == Some(what)
            && let Some(known) = self.incidents.last_mut()
        {
            known.times += 1;
            return;
        }
        *last = Some(what);
        self.incidents.push(Incident {
            time: record.at,
            level: record.level.to_string(),
            event: record.name.clone(),
            text: record.text.clone(),
            times: 1,
        });
    }
}

fn outage(name: &str, from: Timestamp, reason: &str) -> Outage {
    Outage { dependency: name.to_owned(), from, to: None, away_s: None, reason: reason.to_owned() }
}

impl Outage {
    fn ends(&mut self, at: Timestamp) {
        self.to = Some(at);
        let away = Duration::try_from(at.duration_since(self.from)).unwrap_or_default();
        self.away_s = Some((away.as_secs_f64() * 1e3).round() / 1e3);
    }
}

fn began(up: &Record) -> Option<Timestamp> {
    let after = Duration::try_from_secs_f64(up.figure("after")?).ok()?;
    let began = up.at.checked_sub(jiff::SignedDuration::try_from(after).ok()?).ok()?;
    Timestamp::from_millisecond(began.as_millisecond()).ok()
}

fn place<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let place = list.iter().position(is).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    &mut list[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Event;

    fn at(second: i64, event: Event) -> Record {
        Record::of(&event, 1, Timestamp::from_second(second).unwrap(), str::to_owned)
    }

    fn of(name: &'static str, target: &str) -> Event {
        Event::new(name, format!("{target} is said to be so")).with("target", target)
    }

    /// Issue 4, item 7: a day tells when databases were away, what became of services and jobs, and what went wrong.
    #[test]
    fn a_day_is_told_from_its_events() {
        let service = |name, text: &str| Event::new(name, text).with("service", "api");
        let job = |name, took| Event::new(name, "train is done").with("job", "train").with("took", took);
        let told = day(
            vec![],
            &[
                at(90, of("health.up", "redis").with("after", Duration::from_secs(30))),
                at(100, of("gate.waiting", "main").with("reason", "refused").level(Level::Warn)),
                at(101, of("gate.waiting", "main").level(Level::Warn)),
                at(110, of("gate.open", "main")),
                at(120, service("service.started", "api runs")),
                at(200, of("health.down", "main").with("reason", "gone").level(Level::Error)),
                at(205, service("service.exited", "api ended with exit code 1").level(Level::Warn)),
                at(206, service("service.restarting", "api starts again")),
                at(260, of("health.up", "main").with("after", Duration::from_secs(62))),
                at(300, of("health.down", "main").level(Level::Error)),
                at(310, job("schedule.done", 2.5)),
                at(320, job("schedule.failed", 1.0).level(Level::Error)),
            ],
        );
        let outages: Vec<_> = told
            .outages
            .iter()
            .map(|it| (it.dependency.as_str(), it.from.as_second(), it.to.map(Timestamp::as_second), it.away_s))
            .collect();
        assert_eq!(
            outages,
            [
                ("redis", 60, Some(90), Some(30.0)),
                ("main", 100, Some(110), Some(10.0)),
                ("main", 198, Some(260), Some(62.0)),
                ("main", 300, None, None)
            ]
        );
        let api = &told.services[0];
        assert_eq!((api.starts, api.restarts, api.last_end.as_deref()), (1, 1, Some("api ended with exit code 1")));
        assert_eq!((told.jobs[0].done, told.jobs[0].failed, told.jobs[0].longest_s), (1, 1, 2.5));
        let incidents: Vec<_> = told.incidents.iter().map(|it| (it.event.as_str(), it.times)).collect();
        assert_eq!(
            incidents,
            [
                ("gate.waiting", 2),
                ("health.down", 1),
                ("service.exited", 1),
                ("health.down", 1),
                ("schedule.failed", 1)
            ]
        );
    }
}
