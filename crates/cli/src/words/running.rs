//! What a running mainstay answers, as people read it.

use super::jobs;
use control::{
    Backup, Certificate, Change, Dependency, Disk, Done, Job, Journal, Service, Settled, Status, Usage, Why, span,
};
use report::{age, bytes, count, seconds};

/// All services and jobs as tables.
pub(crate) fn all(services: &[Service], jobs: &[Job]) -> String {
    match (services, jobs) {
        (_, []) => self::services(services),
        ([], jobs) => jobs::jobs(jobs),
        _ => format!("{}\n{}", self::services(services), jobs::jobs(jobs)),
    }
}

fn services(services: &[Service]) -> String {
    let head = ["SERVICE", "STATE", "PID", "FOR", "CPU", "MEM", "RESTARTS", "REASON"].map(str::to_owned);
    let mut rows = [vec![head.to_vec()], services.iter().map(row).collect()].concat();
    if services.iter().any(|service| service.release.is_some()) {
        let releases = services.iter().map(|service| service.release.clone().unwrap_or_else(|| "-".to_owned()));
        let releases = ["RELEASE".to_owned()].into_iter().chain(releases);
        rows.iter_mut().zip(releases).for_each(|(row, release)| row.insert(1, release));
    }
    table(&rows)
}

fn row(service: &Service) -> Vec<String> {
    let usage = service.usage.as_ref();
    vec![
        service.name.clone(),
        state(service),
        service.pid.map_or("-".to_owned(), |pid| pid.to_string()),
        age(span(service.for_s)),
        usage.and_then(|it| it.cpu_percent).map_or("-".to_owned(), |percent| format!("{percent:.1}%")),
        usage.and_then(|it| it.memory_bytes).map_or("-".to_owned(), bytes),
        service.restarts.to_string(),
        remark(service),
    ]
}

/// What is the matter with it, or else what it says of itself.
fn remark(service: &Service) -> String {
    let says = || service.status.as_ref().map(|status| format!("says: {status}"));
    service.reason.clone().or_else(says).unwrap_or_default()
}

/// The outer word, with the finer one where that says more.
fn state(service: &Service) -> String {
    match (service.state.as_str(), service.fine.as_str()) {
        ("active", _) if !service.ready => "active (unhealthy)".to_owned(),
        ("active", "running") | ("parked", "parked") | ("failed", "failed") => service.state.clone(),
        (word, fine) => format!("{word} ({fine})"),
    }
}

/// Columns as wide as their widest cell, two blanks between them.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// The whole application.
pub(crate) fn status(status: &Status) -> String {
    let release = status.release.as_ref().map(|release| format!("release {release}, ")).unwrap_or_default();
    let mut text = format!(
        "`{}` is {}, phase {}, up for {} ({release}mainstay {}, pid {})\n",
        status.app,
        status.health,
        status.phase,
        age(span(status.uptime_s)),
        status.mainstay,
        status.pid,
    );
    text.extend(status.reasons.iter().map(|reason| format!("  because {reason}\n")));
    text += &format!("\n{}", all(&status.services, &status.jobs));
    if !status.dependencies.is_empty() {
        text += &format!("\n{}", dependencies(&status.dependencies));
    }
    let message = status.migrations.message.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
    text += &format!("\nmigrations: {}{message}\n", status.migrations.state);
    text.extend(status.backups.iter().map(backup));
    text.extend(status.certificates.iter().map(certificate));
    text + &format!("disk: {}\njournal: {}\n", disk(&status.disk), journal(&status.journal))
}

/// How the copies of a database are, and what that means for it.
fn backup(it: &Backup) -> String {
    let reason = it.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let newest = it.newest.as_deref().zip(it.bytes);
    let newest = newest.map(|(id, size)| format!(", the newest `{id}` of {}", bytes(size))).unwrap_or_default();
    let (copies, verified) = (count_of(it.copies, "copy", "copies"), it.verified);
    let mut text = format!("backups of {}: {}{reason}\n  {}\n", it.database, it.verdict, it.exposure);
    text += &format!("  {copies}, {verified} of them VERIFIED{newest}\n");
    if let (Some(at), Some(failure)) = (&it.failed_at, &it.failure) {
        text += &format!("  the last failure was at {at}: {failure}\n");
    }
    text
}

fn certificate(it: &Certificate) -> String {
    let until = it.until.as_ref().zip(it.days_left).map(|(until, days)| format!(", holds until {until} ({days} d)"));
    let reason = it.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut text =
        format!("certificate of {}: {}{}{reason}\n", it.names.join(", "), it.verdict, until.unwrap_or_default());
    if let (Some(failure), false) = (&it.failure, it.reason.is_some()) {
        text += &format!("  the last try to get another one failed: {failure}\n");
    }
    if let (Some(next), true) = (&it.next, it.failure.is_some()) {
        text += &format!("  the next one is at {next}\n");
    }
    text
}

fn count_of(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn journal(journal: &Journal) -> String {
    let dropped = match journal.dropped {
        0 => String::new(),
        many => format!("; {} left out", count(usize::try_from(many).unwrap_or(usize::MAX), "event")),
    };
    match (journal.verdict.as_str(), &journal.reason) {
        ("pass", _) => format!("pass, {} at `{}`{dropped}", bytes(journal.bytes), journal.path),
        ("skipped", _) => "skipped, `[journal]` says so".to_owned(),
        ("", _) => "could not verify".to_owned(),
        (verdict, reason) => format!("{verdict}: {}{dropped}", reason.as_deref().unwrap_or("no reason given")),
    }
}

fn dependencies(dependencies: &[Dependency]) -> String {
    let head = ["DEPENDENCY", "KIND", "STATE", "FOR", "ANSWER", "QUEUES", "REASON"].map(str::to_owned);
    let row = |it: &Dependency| {
        let queues: Vec<_> = it.queues.iter().map(|(name, length)| format!("{name}={length}")).collect();
        let answer = it.latency_ms.map_or("-".to_owned(), |answer| format!("{answer:.1} ms"));
        let queues = if queues.is_empty() { "-".to_owned() } else { queues.join(" ") };
        let reason = it.reason.clone().unwrap_or_default();
        vec![it.name.clone(), it.kind.clone(), it.state.clone(), age(span(it.for_s)), answer, queues, reason]
    };
    table(&[vec![head.to_vec()], dependencies.iter().map(row).collect()].concat())
}

fn disk(disk: &Disk) -> String {
    match disk.free_bytes {
        Some(free) => format!("{} free at `{}`", bytes(free), disk.path),
        None => format!("could not verify at `{}`", disk.path),
    }
}

/// Why a service or a job is as it is.
pub(crate) fn why(why: &Why) -> String {
    let about = match &why.job {
        Some(job) => blocked(why) + &jobs::why(job),
        None => of_service(why),
    };
    let needs: String = why.needs.iter().map(need).collect();
    let disk = format!("disk: {}\n", disk(&why.disk));
    about + &needs + &disk + &lines("last lines of standard error", &why.stderr)
}

fn blocked(why: &Why) -> String {
    let blocked: Vec<_> = why.blocked_on.iter().map(|on| format!("blocked on: {on}\n")).collect();
    if blocked.is_empty() { "blocked on: nothing\n".to_owned() } else { blocked.concat() }
}

fn of_service(why: &Why) -> String {
    let service = &why.service;
    let pid = service.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let release = service.release.as_ref().map(|release| format!(", release {release}")).unwrap_or_default();
    let (state, since) = (state(service), age(span(service.for_s)));
    let mut text = format!("`{}` is {state} for {since}{pid}{release}\n", service.name);
    text += &blocked(why);
    if let Some(reason) = service.reason.as_ref().filter(|reason| !why.blocked_on.contains(reason)) {
        text += &format!("reason: {reason}\n");
    }
    text.extend(service.status.as_ref().map(|status| format!("it says: {status}\n")));
    text += &format!("next try: {}\n", next_try(why));
    text += &match &why.last_exit {
        Some(exit) => {
            let meaning = exit.meaning.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
            format!("last exit: {}, {} ago{meaning}\n", exit.how, age(span(exit.ago_s)))
        }
        None => "last exit: none\n".to_owned(),
    };
    text.extend(why.fault.iter().map(|fault| format!("most likely: {}\n  hint: {}\n", fault.what, fault.hint)));
    text += &format!("restarts: {}\n", service.restarts);
    text + &service.usage.as_ref().and_then(uses).unwrap_or_default()
}

/// Nothing of a service that does not run.
fn uses(usage: &Usage) -> Option<String> {
    let percent = usage.cpu_percent?;
    let over = usage.cpu_over_s.map(|over| format!(" in the last {}", seconds(span(over)))).unwrap_or_default();
    let limit = usage.memory_charged_bytes.zip(usage.memory_limit_bytes);
    let limit = limit.map(|(charged, limit)| format!(" ({} of {} with what is cached)", bytes(charged), bytes(limit)));
    let memory =
        usage.memory_bytes.map_or("memory could not be verified".to_owned(), bytes) + &limit.unwrap_or_default();
    let files =
        usage.open_files.map_or("open files could not be verified".to_owned(), |it| count(it as usize, "open file"));
    let kills = match usage.oom_kills {
        0 => String::new(),
        kills => format!(", killed {} for want of memory", count(kills as usize, "time")),
    };
    let processes = match usage.processes {
        1 => "1 process".to_owned(),
        more => format!("{more} processes"),
    };
    Some(format!("uses: {percent:.1}% of a processor{over}, {memory}, {processes}, {files}{kills}\n"))
}

fn next_try(why: &Why) -> String {
    match (why.next_try_s, why.service.fine.as_str()) {
        (Some(next), _) => format!("in {}", seconds(span(next))),
        (None, "parked") => "the moment that what it needs is back".to_owned(),
        (None, "running") => "it runs".to_owned(),
        (None, "stopped" | "failed" | "done") => format!("none; `mainstay start {}` starts it", why.service.name),
        (None, _) => "under way".to_owned(),
    }
}

fn need(it: &Dependency) -> String {
    let reason = it.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("needs `{}`: {} {} for {}{reason}\n", it.name, it.kind, it.state, age(span(it.for_s)))
}

fn lines(what: &str, lines: &[String]) -> String {
    match lines {
        [] => format!("{what}: none\n"),
        lines => format!("{what}:\n") + &lines.iter().map(|line| format!("  {line}\n")).collect::<String>(),
    }
}

/// What became of an order.
pub(crate) fn done(done: &Done, verb: control::Verb) -> String {
    let mut text: String = done.services.iter().map(|change| changed(change, verb)).collect();
    if verb != control::Verb::Stop {
        text.extend(done.services.iter().map(|it| lines(&format!("last lines of `{}`", it.service.name), &it.lines)));
    }
    if !done.dependencies.is_empty() {
        text += &format!("\n{}", dependencies(&done.dependencies));
    }
    text + &format!("\nhealth: {}\n", done.health)
}

/// What became of one service, on one line.
pub(crate) fn changed(change: &Change, verb: control::Verb) -> String {
    let (name, took) = (&change.service.name, seconds(span(change.took_s)));
    let reason = change.service.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match (change.settled, verb) {
        (Settled::Done, control::Verb::Stop) => format!("`{name}` is stopped after {took}\n"),
        (Settled::Done, _) if change.service.fine == "done" => format!("`{name}` has done its work after {took}\n"),
        (Settled::Done, _) => {
            let pid = change.service.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
            format!("`{name}` is ready after {took}{pid}\n")
        }
        (Settled::Parked, _) => format!("`{name}` is parked{reason}\n"),
        (Settled::Failed, _) => format!("`{name}` has failed{reason}\n"),
        (Settled::NotYet, _) => format!("`{name}` is {} after {took}{reason}\n", state(&change.service)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::{LastExit, Migrations, Usage};

    fn service(state: &str, fine: &str) -> Service {
        let (state, fine) = (state.into(), fine.into());
        Service { name: "api".into(), state, fine, pid: Some(7), for_s: 182.0, ready: true, ..Service::default() }
    }

    #[test]
    fn services_are_a_table() {
        let parked = Service {
            name: "telegram-bot".into(),
            pid: None,
            ready: false,
            restarts: 3,
            reason: Some("needs `main`, which is down: refused".into()),
            ..service("parked", "parked")
        };
        let usage = Usage { cpu_percent: Some(12.5), memory_bytes: Some(34 << 20), ..Usage::default() };
        let text = services(&[Service { usage: Some(usage), ..service("active", "running") }, parked]);
        assert_eq!(
            text,
            "SERVICE       STATE   PID  FOR      CPU    MEM       RESTARTS  REASON\n\
             api           active  7    3 m 2 s  12.5%  34.0 MiB  0\n\
             telegram-bot  parked  -    3 m 2 s  -      -         3         needs `main`, which is down: refused\n"
        );
    }

    /// S3.6, and the issue's `why`: blocked on what, since when, next try, last exit and what it means, last lines, database, disk.
    #[test]
    fn why_says_all_that_is_known() {
        let why_it = Why {
            service: Service {
                pid: None,
                restarts: 2,
                reason: Some("it ended with exit code 127".into()),
                ..service("activating", "backoff")
            },
            next_try_s: Some(1.5),
            last_exit: Some(LastExit {
                how: "exit code 127".into(),
                meaning: Some("a program was not found".into()),
                at: String::new(),
                ago_s: 4.0,
            }),
            stderr: vec!["sh: uvicorn: not found".into()],
            needs: vec![Dependency {
                name: "main".into(),
                kind: "PostgreSQL".into(),
                state: "ready".into(),
                ..Dependency::default()
            }],
            disk: Disk { path: "/data".into(), free_bytes: Some(1 << 30) },
            ..Why::default()
        };
        assert_eq!(
            why(&why_it),
            "`api` is activating (backoff) for 3 m 2 s\n\
             blocked on: nothing\n\
             reason: it ended with exit code 127\n\
             next try: in 1.5 s\n\
             last exit: exit code 127, 4 s ago: a program was not found\n\
             restarts: 2\n\
             needs `main`: PostgreSQL ready for 0 s\n\
             disk: 1.0 GiB free at `/data`\n\
             last lines of standard error:\n  sh: uvicorn: not found\n"
        );
    }

    #[test]
    fn a_status_without_anything_is_drawn_all_the_same() {
        let text = status(&Status { migrations: Migrations::default(), ..Status::default() });
        assert!(text.contains("disk: could not verify"), "{text}");
    }
}
