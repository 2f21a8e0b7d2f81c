//! Jobs: how they are, and runs on request.

use super::super::works::AtWork;
use super::{Deck, shown};
use crate::start::{World, keep_by_hand};
use config::did_you_mean;
use control::{Job, JobRun, Refusal, RunTold, What, Why};
use report::{Finding, Outcome, Stream};
use std::sync::Arc;
use supervise::{
    schedule::{JobStatus, NoSuchJob, RunNews, Taken},
    tail::Listener,
};
use tokio::sync::{
    mpsc::{Receiver, Sender, UnboundedReceiver, channel},
    watch,
};

/// So many pieces wait for one who asked for a run.
const PIECES: usize = 256;

impl Deck {
    /// All jobs, also when they are not run.
    pub(super) fn shown_jobs(&self) -> Vec<Job> {
        let app = self.world.by_now();
        match (&self.jobs, app.jobs_are_off()) {
            (Some(jobs), _) => jobs.snapshot().iter().map(|status| shown::job(&self.world, status)).collect(),
            (None, why) => app.jobs.iter().map(|job| shown::job_off(&job.name, why)).collect(),
        }
    }

    pub(super) fn why_job(&self, name: &str) -> Option<Why> {
        let job = self.shown_jobs().into_iter().find(|job| job.name == name)?;
        let report = self.report();
        let needs = self.world.by_now().job(name).map(|job| job.needs.clone()).unwrap_or_default();
        let mask = |line: String| self.world.terminal.mask(&line);
        let waits = job.state == "waiting" || job.state == "off";
        Some(Why {
            blocked_on: job.reason.iter().filter(|_| waits).cloned().collect(),
            next_try_s: job.next_in_s,
            stderr: self.world.tail.errors(name).into_iter().map(mask).collect(),
            needs: shown::dependencies(&report).into_iter().filter(|it| needs.contains(&it.name)).collect(),
            disk: shown::disk(&self.world),
            job: Some(job),
            ..Why::default()
        })
    }

    pub(super) fn run_job(&self, name: &str) -> Result<Receiver<RunTold>, Refusal> {
        self.is_up()?;
        let Some(jobs) = &self.jobs else { return Err(self.no_jobs(name)) };
        let listener = self.world.tail.listen(name);
        let news = jobs.run_now(name).map_err(|error| unknown(&error))?;
        let (tell, told) = channel(PIECES);
        let at_work = self.works.begin(&format!("somebody follows a run of `{name}`"));
        let teller = Teller { world: self.world.clone(), name: name.to_owned(), tell, _at_work: at_work };
        tokio::spawn(teller.run(news, listener, jobs.watch()));
        Ok(told)
    }

    pub(super) fn keep_run(&self, name: &str, run: JobRun) -> Result<(), Refusal> {
        let misused = |finding| Refusal::new(Outcome::Misused, &[finding]);
        let record = serde_json::to_value(run).and_then(serde_json::from_value);
        let record = record.map_err(|error| misused(Finding::error("that is no run of a job").because(&error)))?;
        match &self.jobs {
            Some(jobs) => jobs.ran(name, record),
            // Nobody else here writes it.
            None => keep_by_hand(&self.world, name, record).map_err(misused)?,
        }
        Ok(())
    }

    fn no_jobs(&self, name: &str) -> Refusal {
        let app = self.world.by_now();
        let names: Vec<_> = app.jobs.iter().map(|job| job.name.clone()).collect();
        match app.jobs_are_off().filter(|_| names.iter().any(|job| job == name)) {
            Some(why) => {
                let finding = Finding::error(format!("no job is run here: {why}"));
                let hint = format!("`mainstay schedule run {name}` runs it all the same");
                Refusal::new(Outcome::Misused, &[finding.hint(hint)])
            }
            None => unknown(&NoSuchJob { name: name.to_owned(), jobs: names }),
        }
    }
}

fn unknown(error: &NoSuchJob) -> Refusal {
    let finding = Finding::error(error.to_string());
    let meant = did_you_mean(&error.name, error.jobs.iter().map(String::as_str));
    Refusal::new(Outcome::Misused, &[meant.into_iter().fold(finding, Finding::hint)])
}

/// Tells somebody of the run that they asked for.
struct Teller {
    world: Arc<World>,
    name: String,
    tell: Sender<RunTold>,
    _at_work: AtWork,
}

/// The asker has left, or has heard all.
struct Heard;

impl Teller {
    async fn run(
        self,
        mut news: UnboundedReceiver<RunNews>,
        mut lines: Listener,
        mut statuses: watch::Receiver<Vec<JobStatus>>,
    ) {
        let (mut begun, mut waits) = (false, None);
        loop {
            let heard = tokio::select! {
                biased;
                () = self.tell.closed() => return,
                news = news.recv() => {
                    begun |= matches!(news, Some(RunNews::Began { .. }));
                    self.news(news, &mut lines).await
                }
                // Those of the run before are none of ours.
                (stream, block) = lines.next() => match begun {
                    true => self.lines(stream, &block, &lines).await,
                    false => Ok(()),
                },
                Ok(()) = statuses.changed(), if !begun => {
                    let reason = waiting_for(&statuses.borrow_and_update(), &self.name);
                    self.waits(reason, &mut waits).await
                }
            };
            if heard.is_err() {
                return;
            }
        }
    }

    async fn news(&self, news: Option<RunNews>, lines: &mut Listener) -> Result<(), Heard> {
        let name = &self.name;
        match news {
            None => {
                let text = format!("`{name}` does not begin: it is not run any more");
                self.piece(RunTold { what: What::CalledOff, text, ..RunTold::default() }).await?;
                Err(Heard)
            }
            Some(RunNews::Taken(how)) => {
                let what = if how == Taken::Skipped { What::LeftOut } else { What::Taken };
                self.piece(RunTold { what, text: taken(name, how), ..RunTold::default() }).await?;
                if how == Taken::Skipped { Err(Heard) } else { Ok(()) }
            }
            Some(RunNews::Began { pid, attempt }) => {
                let which = if attempt > 1 { format!(", try {attempt}") } else { String::new() };
                let text = format!("`{name}` runs as pid {pid}{which}");
                self.piece(RunTold { what: What::Began, text, pid: Some(pid), ..RunTold::default() }).await
            }
            Some(RunNews::Over(record)) => {
                while let Some((stream, block)) = lines.now() {
                    self.lines(stream, &block, lines).await?;
                }
                let run = shown::run(&self.world, &record);
                let text = over(name, &run);
                self.piece(RunTold { what: What::Over, text, run: Some(run), ..RunTold::default() }).await?;
                Err(Heard)
            }
        }
    }

    async fn waits(&self, reason: Option<String>, told: &mut Option<String>) -> Result<(), Heard> {
        if reason.is_none() || reason == *told {
            return Ok(());
        }
        told.clone_from(&reason);
        let text = format!("`{}` waits: {}", self.name, reason.unwrap_or_default());
        self.piece(RunTold { what: What::Waits, text, ..RunTold::default() }).await
    }

    async fn lines(&self, stream: Stream, block: &[u8], listener: &Listener) -> Result<(), Heard> {
        for line in block.strip_suffix(b"\n").unwrap_or(block).split(|byte| *byte == b'\n') {
            let (text, stream) = (String::from_utf8_lossy(line).into_owned(), Some(stream.name().to_owned()));
            self.piece(RunTold { what: What::Line, text, stream, ..RunTold::default() }).await?;
        }
        match listener.missed() {
            0 => Ok(()),
            missed => {
                let text =
                    format!("{missed} lines came too fast to be shown here; `mainstay logs {}` shows them", self.name);
                self.piece(RunTold { what: What::Missing, text, ..RunTold::default() }).await
            }
        }
    }

    async fn piece(&self, piece: RunTold) -> Result<(), Heard> {
        let piece = RunTold { text: self.world.terminal.mask(&piece.text), ..piece };
        self.tell.send(piece).await.map_err(|_| Heard)
    }
}

fn waiting_for(statuses: &[JobStatus], name: &str) -> Option<String> {
    statuses.iter().find(|status| status.name == name && status.state == "waiting")?.reason.clone()
}

fn taken(name: &str, how: Taken) -> String {
    match how {
        Taken::Begins => format!("`{name}` begins"),
        Taken::Joins => format!("`{name}` waits already: both become one run"),
        Taken::Queued => format!("`{name}` is at work: this run follows"),
        Taken::Replaces => format!("`{name}` is at work: that run is stopped, and this one takes its place"),
        Taken::Skipped => format!("`{name}` is left out: the run before is still at work"),
    }
}

fn over(name: &str, run: &JobRun) -> String {
    let took = run.took_s.map(|took| format!(" after {}", shown::span(took))).unwrap_or_default();
    let reason = run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match run.result.as_str() {
        "done" => format!("`{name}` is done{took}"),
        "failed" => format!("`{name}` has failed{took}{reason}"),
        result => format!("`{name}` was {result}{took}{reason}"),
    }
}
