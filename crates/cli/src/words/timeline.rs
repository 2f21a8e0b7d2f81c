//! A start and a day, as people read them.

use super::running::table;
use control::span;
use jiff::{Timestamp, civil::Date};
use journal::{Day, JobDay, Life, Outage, ServiceDay, Start, Step};
use report::{age, count, seconds};
use std::time::Duration;

/// The steps of a start as a tree, each with its time and a bar at its place.
pub(crate) fn start(start: &Start) -> String {
    let total = span(start.took_s);
    let names = start
        .steps
        .iter()
        .flat_map(|step| step.parts.iter().map(|part| part.name.chars().count() + 2).chain([step.name.len()]));
    let width = names.max().unwrap_or_default().max("total".len());
    let mut text = format!("{}\n\n", head(&start.life));
    for step in &start.steps {
        text += &line(width, &step.name, step.began_s, step.took_s, total, &told(step));
        for part in &step.parts {
            text += &line(
                width,
                &format!("  {}", part.name),
                part.began_s,
                part.took_s,
                total,
                &format!("      {}", part.text),
            );
        }
    }
    text += &format!("{:<width$}  {:>8}\n\n", "total", seconds(total));
    text + &format!("{}\n", end(start))
}

fn head(life: &Life) -> String {
    let release = life.release.as_deref().map(|release| format!(", release {release}")).unwrap_or_default();
    let at = stamp(life.begun);
    format!("start {} of `{}` at {at}{release} (mainstay {}, pid {})", life.number, life.app, life.version, life.pid)
}

fn told(step: &Step) -> String {
    format!("{:<4}  {}", step.verdict, step.text)
}

fn line(width: usize, name: &str, began: f64, took: Option<f64>, total: Duration, text: &str) -> String {
    const BAR: usize = plan::BAR;
    let bar = took.map(|took| plan::bar(span(began), span(took), total)).unwrap_or_default();
    let took = took.map_or("-".to_owned(), |took| seconds(span(took)));
    format!("{name:<width$}  {took:>8}  {bar:<BAR$}  {text}").trim_end().to_owned() + "\n"
}

fn end(start: &Start) -> String {
    let outcome =
        start.outcome.clone().unwrap_or_else(|| match start.steps.iter().any(|step| step.verdict == "fail") {
            true => "the start has failed".to_owned(),
            false => "how the start ended was not seen: it goes on, or mainstay was killed".to_owned(),
        });
    match start.life.ended {
        Some(ended) => format!("{outcome}; it ended at {}", stamp(ended)),
        None => outcome,
    }
}

/// The starts as a table, the last one last.
pub(crate) fn list(lives: &[Life]) -> String {
    let head = ["START", "BEGAN", "UP AFTER", "ENDED", "RELEASE"].map(str::to_owned).to_vec();
    let time = |at: Option<Timestamp>| at.map_or("-".to_owned(), stamp);
    let row = |life: &Life| {
        vec![
            life.number.to_string(),
            time(Some(life.begun)),
            up_after(life).map_or("-".to_owned(), seconds),
            time(life.ended),
            life.release.clone().unwrap_or_default(),
        ]
    };
    table(&[vec![head], lives.iter().map(row).collect()].concat())
}

fn up_after(life: &Life) -> Option<Duration> {
    Duration::try_from(life.ready?.duration_since(life.begun)).ok()
}

/// What a day has brought, a section for each kind.
pub(crate) fn day(date: Date, day: &Day) -> String {
    let sections = [
        ("starts", day.starts.iter().map(began).collect::<Vec<_>>()),
        ("databases and other dependencies", day.outages.iter().map(outage).collect()),
        ("services", day.services.iter().map(service).collect()),
        ("jobs", day.jobs.iter().map(job).collect()),
        ("warnings and errors", day.incidents.iter().map(incident).collect()),
    ];
    let section = |(title, lines): &(&str, Vec<String>)| {
        format!("\n{title}\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>())
    };
    let told: String = sections.iter().filter(|(_, lines)| !lines.is_empty()).map(section).collect();
    format!("{date} (UTC)\n{}", if told.is_empty() { "\nnothing is remembered of this day\n" } else { &told })
}

fn began(life: &Life) -> String {
    let up = up_after(life).map_or(", not up".to_owned(), |after| format!(", up after {}", seconds(after)));
    let release = life.release.as_deref().map(|release| format!(", release {release}")).unwrap_or_default();
    let ended = life.ended.map(|ended| format!("; ended {}", stamp(ended))).unwrap_or_default();
    format!("{}  start {}{up}{release}{ended}", clock(life.begun), life.number)
}

fn outage(it: &Outage) -> String {
    let away = match (it.to, it.away_s) {
        (Some(to), Some(away)) => format!("was away for {}, until {}", age(span(away)), clock(to)),
        _ => "was away; its return was not seen".to_owned(),
    };
    let reason = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
    format!("{}  {} {away}{reason}", clock(it.from), it.dependency)
}

fn service(it: &ServiceDay) -> String {
    let told = [(it.starts, "start"), (it.restarts, "restart"), (it.parked, "wait"), (it.failed, "failure")];
    let mut told: Vec<_> =
        told.into_iter().filter(|(many, _)| *many > 0).map(|(many, what)| count(many as usize, what)).collect();
    if it.unhealthy > 0 {
        told.push(format!("{} times unhealthy", it.unhealthy));
    }
    let last = it.last_end.as_deref().map(|last| format!("; last: {last}")).unwrap_or_default();
    format!("{}: {}{last}", it.service, if told.is_empty() { "no change".to_owned() } else { told.join(", ") })
}

fn job(it: &JobDay) -> String {
    let all = [(it.done, "done"), (it.failed, "failed"), (it.skipped, "left out or stopped")];
    let told: Vec<_> = all.iter().filter(|(many, _)| *many > 0).map(|(many, what)| format!("{many} {what}")).collect();
    let told = if told.is_empty() { "no run has ended".to_owned() } else { told.join(", ") };
    let longest = if it.longest_s > 0.0 { format!("; longest {}", seconds(span(it.longest_s))) } else { String::new() };
    let last = if it.last.is_empty() { String::new() } else { format!("; last: {}", it.last) };
    format!("{}: {told}{longest}{last}", it.job)
}

fn incident(it: &journal::Incident) -> String {
    let times = if it.times > 1 { format!(" ({} times)", it.times) } else { String::new() };
    format!("{}  {:<5}  {}{times}", clock(it.time), it.level, it.text)
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%FT%TZ").to_string()
}

fn clock(at: Timestamp) -> String {
    at.strftime("%T").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Part;

    fn part(name: &str, began_s: f64, took_s: f64, text: &str) -> Part {
        Part { name: name.into(), began_s, took_s: Some(took_s), text: text.into() }
    }

    fn step(name: &str, began_s: f64, took_s: f64, text: &str, parts: Vec<Part>) -> Step {
        Step { name: name.into(), began_s, took_s: Some(took_s), verdict: "pass", text: text.into(), parts }
    }

    fn life() -> Life {
        Life {
            number: 3,
            app: "shop".into(),
            version: "0.1.0".into(),
            release: Some("1.4.2".into()),
            pid: 4711,
            begun: "2026-11-29T20:01:02Z".parse().unwrap(),
            ready: "2026-11-29T20:01:10Z".parse().ok(),
            ended: None,
        }
    }

    /// S3.9: the timeline of a start as a tree with bars.
    #[test]
    fn a_start_is_a_tree() {
        let start_ = Start {
            life: life(),
            steps: vec![
                step("gate", 0.0, 6.0, "1 dependency ready", vec![part("main", 0.0, 6.0, "is ready")]),
                step("start", 6.0, 2.0, "1 service up", vec![part("api", 6.1, 1.8, "is ready after 1.8 s")]),
            ],
            took_s: 8.0,
            outcome: Some("`shop` is up after 8.0 s".into()),
        };
        assert_eq!(
            start(&start_),
            "start 3 of `shop` at 2026-11-29T20:01:02Z, release 1.4.2 (mainstay 0.1.0, pid 4711)\n\n\
             gate       6.0 s  ██████████████████        pass  1 dependency ready\n  \
             main     6.0 s  ██████████████████              is ready\n\
             start      2.0 s                    ██████  pass  1 service up\n  \
             api      1.8 s                    █████         is ready after 1.8 s\n\
             total      8.0 s\n\n\
             `shop` is up after 8.0 s\n"
        );
    }

    /// Issue 4, item 7: a day, section by section.
    #[test]
    fn a_day_has_sections() {
        let at = |text: &str| format!("2026-11-29T{text}Z").parse::<Timestamp>().unwrap();
        let told = Day {
            starts: vec![life()],
            outages: vec![Outage {
                dependency: "main".into(),
                from: at("10:02:03"),
                to: Some(at("10:05:13")),
                away_s: Some(190.0),
                reason: "connection refused".into(),
            }],
            services: vec![ServiceDay { service: "api".into(), starts: 2, restarts: 1, ..ServiceDay::default() }],
            jobs: vec![JobDay { job: "train".into(), done: 3, longest_s: 2.5, ..JobDay::default() }],
            incidents: vec![],
        };
        let date = Date::new(2026, 11, 29).unwrap();
        assert_eq!(
            day(date, &told),
            "2026-11-29 (UTC)\n\n\
             starts\n  20:01:02  start 3, up after 8.0 s, release 1.4.2\n\n\
             databases and other dependencies\n  10:02:03  main was away for 3 m 10 s, until 10:05:13: connection refused\n\n\
             services\n  api: 2 starts, 1 restart\n\n\
             jobs\n  train: 3 done; longest 2.5 s\n"
        );
        assert_eq!(day(date, &Day::default()), "2026-11-29 (UTC)\n\nnothing is remembered of this day\n");
    }
}
