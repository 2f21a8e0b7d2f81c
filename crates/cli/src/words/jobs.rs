//! Jobs, as people read them.

use super::running::table;
use control::{Job, JobRun, span};
use report::{age, seconds};

/// All jobs as a table.
pub(crate) fn jobs(jobs: &[Job]) -> String {
    let head = ["JOB", "STATE", "PID", "LAST RUN", "NEXT RUN", "REASON"].map(str::to_owned);
    table(&[vec![head.to_vec()], jobs.iter().map(row).collect()].concat())
}

fn row(job: &Job) -> Vec<String> {
    vec![
        job.name.clone(),
        job.state.clone(),
        job.pid.map_or("-".to_owned(), |pid| pid.to_string()),
        job.last.as_ref().map_or("-".to_owned(), last),
        next(job).unwrap_or("-".to_owned()),
        job.reason.clone().unwrap_or_default(),
    ]
}

/// `failed 3 m ago`.
fn last(run: &JobRun) -> String {
    let ago = run.ago_s.map(|ago| format!(" {} ago", age(span(ago)))).unwrap_or_default();
    format!("{}{ago}", run.result)
}

fn next(job: &Job) -> Option<String> {
    Some(format!("in {}", age(span(job.next_in_s?))))
}

/// What is known of a job, without what it shares with services.
pub(super) fn why(job: &Job) -> String {
    let pid = job.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let due = job.next.as_deref().map(|due| format!(", at {due}")).unwrap_or_default();
    let next = next(job).map_or("none".to_owned(), |next| format!("{next}{due}"));
    let last = job.last.as_ref().map_or("none".to_owned(), |run| {
        let took = run.took_s.map(|took| format!(" after {}", seconds(span(took)))).unwrap_or_default();
        let reason = run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{}{took}{reason}", self::last(run))
    });
    format!("job `{}` is {}{pid}\nnext run: {next}\nlast run: {last}\n", job.name, job.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4.10: last run, its result, next run, off and why.
    #[test]
    fn jobs_are_a_table() {
        let (result, reason) = ("failed".to_owned(), Some("exit code 3".to_owned()));
        let last = JobRun { result, reason, took_s: Some(0.5), ago_s: Some(182.0), ..JobRun::default() };
        let busy = Job {
            name: "retrain".into(),
            state: "running".into(),
            pid: Some(7),
            next: Some("2026-11-24T08:00:00Z".into()),
            next_in_s: Some(60.0),
            last: Some(last),
            ..Job::default()
        };
        let off = Job { name: "report".into(), state: "off".into(), reason: Some("failsafe".into()), ..Job::default() };
        assert_eq!(
            jobs(&[busy.clone(), off.clone()]),
            "JOB      STATE    PID  LAST RUN            NEXT RUN  REASON\n\
             retrain  running  7    failed 3 m 2 s ago  in 1 m\n\
             report   off      -    -                   -         failsafe\n"
        );
        assert_eq!(
            why(&busy),
            "job `retrain` is running, pid 7\nnext run: in 1 m, at 2026-11-24T08:00:00Z\n\
             last run: failed 3 m 2 s ago after 500 ms: exit code 3\n"
        );
        assert_eq!(why(&off), "job `report` is off\nnext run: none\nlast run: none\n");
    }
}
