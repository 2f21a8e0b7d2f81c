//! `mainstay schedule`

use crate::words::unheard;
use crate::{
    args::{Schedule, ScheduleRun, ScheduleVerb},
    check::data_directory,
    context::{Context, tell},
    daemon::SOON,
    load::{Need, Reading, load},
    start::{World, keep_by_hand, scheduler},
    trouble::of_gate,
};
use config::{App, Job, Overrides, Rhythm};
use control::{Ask, AskError, Client};
use host::signals::Signals;
use jiff::{Timestamp, tz::TimeZone};
use report::{Finding, Outcome, or_list, seconds};
use serde_json::{Value, json};
use std::{fmt::Write as _, iter, sync::Arc};
use supervise::schedule::{Book, RunRecord, RunResult, Scheduler};

/// Shows the jobs, or runs one.
pub(super) async fn schedule(context: &Context, args: Schedule) -> u8 {
    match args.verb {
        Some(ScheduleVerb::Run(args)) => run(context, &args).await,
        None => show(context, &args).code(),
    }
}

fn show(context: &Context, args: &Schedule) -> Outcome {
    match shown(context, args) {
        Ok(text) => super::answer(context, &text, Outcome::Done),
        Err(findings) => tell(context, &findings, Outcome::Misused),
    }
}

fn shown(context: &Context, args: &Schedule) -> Result<String, Vec<Finding>> {
    let app = load(context, &args.place, Overrides::default(), Need::File, Reading::Lenient)?.app;
    let book = Book::load(&app.schedule_file()).map_err(|error| vec![Finding::from(&error)])?;
    let jobs = match &args.name {
        Some(name) => vec![named(&app, name)?],
        None => app.jobs.iter().collect(),
    };
    let now = context.now();
    let number = usize::from(args.number);
    let seen: Vec<_> = jobs.into_iter().map(|job| Seen::of(job, &app, &book, number, now)).collect();
    Ok(match args.json {
        true => format!("{:#}", Value::Array(seen.iter().map(Seen::json).collect())),
        false if seen.is_empty() => "no jobs\n".to_owned(),
        false => seen.iter().map(Seen::text).collect::<Vec<_>>().join("\n"),
    })
}

fn named<'a>(app: &'a App, name: &str) -> Result<&'a Job, Vec<Finding>> {
    app.job(name).ok_or_else(|| {
        let names: Vec<_> = app.jobs.iter().map(|job| &job.name).collect();
        let hint = match names.is_empty() {
            true => "jobs stand in `[schedule.NAME]` of mainstay.toml".to_owned(),
            false => format!("there is {}", or_list(names)),
        };
        vec![Finding::error(format!("there is no job `{name}`")).hint(hint)]
    })
}

/// What is known of a job.
struct Seen<'a> {
    job: &'a Job,
    off: Option<&'static str>,
    running: Option<Timestamp>,
    /// The latest last.
    last: &'a [RunRecord],
    next: Vec<Timestamp>,
}

impl<'a> Seen<'a> {
    fn of(job: &'a Job, app: &App, book: &'a Book, number: usize, now: Timestamp) -> Self {
        let off = app.jobs_are_off().or((job.rhythm == Rhythm::Off).then_some("off"));
        let entry = book.jobs.get(&job.name);
        let runs = entry.map_or(&[][..], |entry| &entry.runs);
        let after = |due: &Timestamp| job.rhythm.next_after(*due);
        let first = job.rhythm.next_after(now).filter(|_| off.is_none());
        Self {
            job,
            off,
            running: entry.and_then(|entry| entry.running.as_ref()).map(|running| running.started),
            last: &runs[runs.len().saturating_sub(number)..],
            next: iter::successors(first, after).take(number).collect(),
        }
    }

    fn text(&self) -> String {
        let (job, zone) = (self.job, self.job.rhythm.zone());
        let mut text = match &job.rhythm {
            Rhythm::Off => format!("{}: off\n", job.name),
            Rhythm::Cron { cron, .. } => {
                format!("{}: {}, {} (`{cron}`)\n", job.name, job.rhythm.words(), job.rhythm.zone_name())
            }
            Rhythm::Every(_) => format!("{}: {}\n", job.name, job.rhythm.words()),
        };
        if let Some(why) = self.off.filter(|why| *why != "off") {
            let _ = writeln!(text, "  off   {why}");
        }
        if let Some(since) = self.running {
            let _ = writeln!(text, "  runs  since {}", local(since, &zone));
        }
        for run in self.last {
            let took = run.took().map(|took| format!(" after {}", seconds(took))).unwrap_or_default();
            let reason = run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "  last  {}  {}{took}{reason}",
                local(run.started.unwrap_or(run.due), &zone),
                run.result
            );
        }
        for due in &self.next {
            let _ = match zone == TimeZone::UTC {
                true => writeln!(text, "  next  {}", local(*due, &zone)),
                false => writeln!(text, "  next  {}  {}", local(*due, &zone), local(*due, &TimeZone::UTC)),
            };
        }
        text
    }

    fn json(&self) -> Value {
        let zone = self.job.rhythm.zone();
        let next = |due: &Timestamp| json!({ "utc": due, "local": due.to_zoned(zone.clone()).strftime("%FT%T%:z").to_string() });
        json!({
            "name": self.job.name,
            "rhythm": self.job.rhythm.to_string(),
            "words": self.job.rhythm.words(),
            "timezone": self.job.rhythm.zone_name(),
            "off": self.off,
            "running_since": self.running,
            "last": self.last,
            "next": self.next.iter().map(next).collect::<Vec<_>>(),
        })
    }
}

/// `2026-11-25 03:00:00 +01:00`, or `… UTC`.
fn local(time: Timestamp, zone: &TimeZone) -> String {
    let format = if *zone == TimeZone::UTC { "%F %T UTC" } else { "%F %T %:z" };
    time.to_zoned(zone.clone()).strftime(format).to_string()
}

/// Runs one job in the foreground: gate, lock, time-out and tries as under `mainstay up`; what becomes of it is in the history.
async fn run(context: &Context, args: &ScheduleRun) -> u8 {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(context, &[unheard(&error)], Outcome::Failed).code(),
    };
    let (world, scheduler) = match prepared(context, args).await {
        Ok(prepared) => prepared,
        Err((findings, outcome)) => return tell(context, &findings, outcome).code(),
    };
    let handle = scheduler.handle();
    let mut running = Box::pin(scheduler.run_one(&args.name));
    let mut asked = false;
    let record = loop {
        tokio::select! {
            record = &mut running => break record,
            _ = signals.next() => {
                if asked { handle.force() } else { handle.stop() }
                asked = true;
            }
        }
    };
    if let Some(record) = &record {
        remember(context, &world, &args.name, record).await;
    }
    code(record.as_ref(), asked)
}

/// A running mainstay keeps the history; without one it is ours to write.
async fn remember(context: &Context, world: &World, job: &str, record: &RunRecord) {
    // Both are written with the same names.
    let run = serde_json::to_value(record).and_then(serde_json::from_value).unwrap_or_default();
    let client = Client::new(world.app.control_socket());
    let kept = match client.ask::<()>(&Ask::Ran(job.to_owned(), Box::new(run)), SOON).await {
        Ok(_) => Ok(()),
        Err(AskError::NotRunning) => keep_by_hand(world, job, record.clone()),
        Err(error) => Err(Finding::error(error.to_string())),
    };
    if let Err(finding) = kept {
        let seen = [vec![finding.summary], finding.seen].concat();
        let warning = Finding::warning(format!("this run of `{job}` is not in the history"));
        tell(context, &[seen.into_iter().fold(warning, Finding::seen)], Outcome::Done);
    }
}

async fn prepared(context: &Context, args: &ScheduleRun) -> Result<(Arc<World>, Scheduler), (Vec<Finding>, Outcome)> {
    let misused = |findings| (findings, Outcome::Misused);
    let app = load(context, &args.place, Overrides::default(), Need::File, Reading::Strict).map_err(misused)?.app;
    let job = named(&app, &args.name).map_err(misused)?.clone();
    data_directory(&app).map_err(|finding| misused(vec![finding]))?;
    let world = World::new(context, app);
    let of_job = |it: &&config::Dependency| it.required && job.needs.contains(&it.name);
    let needs: Vec<_> = world.app.dependencies.iter().filter(of_job).collect();
    probe::gate::wait_all(&needs, &world.probes, &*world.journal).await.map_err(|errors| {
        let trouble = of_gate(&errors);
        (trouble.findings, trouble.outcome)
    })?;
    match scheduler(&world, vec![job], Book::default(), None, None) {
        Ok(scheduler) => Ok((world, scheduler)),
        Err(finding) => Err((vec![finding], Outcome::Failed)),
    }
}

/// The job's own exit code where there is one.
fn code(record: Option<&RunRecord>, asked: bool) -> u8 {
    let outcome = match record {
        _ if asked => Outcome::Interrupted,
        Some(RunRecord { result: RunResult::Done, .. }) => Outcome::Done,
        Some(RunRecord { result: RunResult::Skipped, .. }) => Outcome::NotYet,
        Some(RunRecord { code: Some(code), result: RunResult::Failed, .. }) if *code != 0 => {
            return u8::try_from(*code).unwrap_or(u8::MAX);
        }
        _ => Outcome::Failed,
    };
    outcome.code()
}
