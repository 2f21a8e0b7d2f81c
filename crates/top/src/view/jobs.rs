//! The table of jobs.

use super::{
    grid::{Cell, Column, Grid},
    pen::Pen,
    services::{MARKS, marked_row, out_of_sight},
};
use crate::{list::Kind, look::Tone, model::Model, text::width};
use control::{Job, JobRun, span};
use report::age;

const WIDEST: usize = 24;

pub(super) fn jobs(model: &Model, pen: &mut Pen<'_>) {
    if pen.height() == 0 {
        return;
    }
    let grid = Grid::fit(columns(model, pen.width()), pen.width().saturating_sub(MARKS));
    pen.skip(MARKS);
    grid.head(pen);
    let rows = pen.height() - 1;
    out_of_sight(model, Kind::Job, rows, pen);
    for job in model.list.in_sight(Kind::Job, rows).filter_map(|at| model.status.jobs.get(at)) {
        pen.next_line();
        marked_row(model, &grid, &job.name, cells(job), pen);
    }
}

fn columns(model: &Model, room: usize) -> Vec<Column> {
    let jobs = &model.status.jobs;
    let widest = |of: &dyn Fn(&Job) -> usize, least| jobs.iter().map(of).max().unwrap_or(0).clamp(least, WIDEST);
    let name = widest(&|job| width(&job.name), 7);
    let state = widest(&|job| width(&job.state) + 2, 9);
    let last = widest(&|job| width(&last(job)), 8);
    let column = |head, width, rank| Column { head, width, right: false, rank };
    vec![
        column("JOB", name.min(room / 3), 0),
        column("STATE", state, 1),
        column("LAST RUN", last, 2),
        column("NEXT RUN", 12, 3),
        column("REASON", 6, 4),
    ]
}

fn cells(job: &Job) -> Vec<Cell> {
    let failed = job.last.as_ref().filter(|run| matches!(run.result.as_str(), "failed" | "lost"));
    let tone = match job.state.as_str() {
        "off" => Tone::Quiet,
        "waiting" | "retrying" => Tone::Warning,
        _ => Tone::Plain,
    };
    let mark = if tone == Tone::Warning || failed.is_some() { "! " } else { "  " };
    let worst = if failed.is_some() { Tone::Bad } else { tone };
    let reason = job.reason.as_ref().or(failed.and_then(|run| run.reason.as_ref()));
    vec![
        Cell { text: job.name.clone(), tone: worst },
        Cell { text: format!("{mark}{}", job.state), tone },
        Cell { text: last(job), tone: if failed.is_some() { Tone::Bad } else { Tone::Plain } },
        Cell::quiet(job.next_in_s.map_or("-".to_owned(), |next| format!("in {}", age(span(next))))),
        Cell { text: reason.cloned().unwrap_or_default(), tone: worst },
    ]
}

/// `failed 3 m 2 s ago`
fn last(job: &Job) -> String {
    let one = |run: &JobRun| match run.ago_s {
        Some(ago) => format!("{} {} ago", run.result, age(span(ago))),
        None => run.result.clone(),
    };
    job.last.as_ref().map_or("-".to_owned(), one)
}
