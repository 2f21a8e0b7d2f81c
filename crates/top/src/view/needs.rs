//! The databases and other dependencies.

use super::{
    grid::{Cell, Column, Grid, NICE},
    pen::Pen,
};
use crate::{
    look::{Tone, tone_of_need},
    model::Model,
    text::width,
};
use control::{Dependency, span};
use report::age;

const INDENT: usize = 3;
const WIDEST: usize = 24;
/// A reason is read in full up to here before bars are drawn.
const WIDEST_REASON: usize = 40;
/// A quicker answer than this, in milliseconds, looks quick.
pub(super) const QUICK: f64 = 5.0;

/// A row for each, or one line for all.
pub(super) fn needs(model: &Model, pen: &mut Pen<'_>) {
    match pen.height() {
        0 => {}
        1 => summary(model, pen),
        height => rows(model, height - 1, pen),
    }
}

/// What is wrong comes first, so that it is on the line.
fn in_order(model: &Model) -> Vec<&Dependency> {
    let mut all: Vec<_> = model.status.dependencies.iter().collect();
    all.sort_by_key(|need| match tone_of_need(need) {
        Tone::Bad => 0,
        Tone::Warning => 1,
        _ => 2,
    });
    all
}

fn summary(model: &Model, pen: &mut Pen<'_>) {
    pen.skip(INDENT);
    for (at, need) in in_order(model).into_iter().enumerate() {
        if at > 0 {
            pen.put(pen.look.between(), Tone::Quiet);
        }
        let tone = tone_of_need(need);
        let mark = if matches!(tone, Tone::Bad | Tone::Warning) { "! " } else { "" };
        pen.put(&format!("{mark}{} {}", need.name, state_of(need)), tone);
    }
}

fn rows(model: &Model, rows: usize, pen: &mut Pen<'_>) {
    let needs = in_order(model);
    let more = needs.len() - needs.len().min(rows);
    let shown = if more > 0 { &needs[..rows - 1] } else { &needs[..] };
    let grid = Grid::fit(columns(model, pen.width()), pen.width().saturating_sub(INDENT));
    pen.skip(INDENT);
    grid.head(pen);
    for need in shown {
        pen.next_line();
        pen.skip(INDENT);
        grid.row(pen, cells(model, need));
    }
    if more > 0 {
        pen.next_line();
        pen.skip(INDENT);
        pen.put(&format!("and {} more", more + 1), Tone::Quiet);
    }
}

fn columns(model: &Model, room: usize) -> Vec<Column> {
    let needs = &model.status.dependencies;
    let widest =
        |of: &dyn Fn(&Dependency) -> usize, least| needs.iter().map(of).max().unwrap_or(0).clamp(least, WIDEST);
    let name = widest(&|need| width(&need.name), 7);
    let kind = widest(&|need| width(&need.kind), 4);
    let state = widest(&|need| width(&state_of(need)) + 2, 9);
    let reason = needs.iter().map(|need| width(&last(need))).max().unwrap_or(0).clamp(6, WIDEST_REASON);
    let column = |head, width, right, rank| Column { head, width, right, rank };
    vec![
        column("NEEDS", name.min(room / 3), false, 0),
        column("STATE", state, false, 1),
        column("FOR", 9, true, 2),
        column("ANSWER", 8, true, 3),
        column("", bars(room), false, NICE),
        column("KIND", kind, false, 5),
        column("REASON", reason, false, 6),
    ]
}

/// So many figures are shown as bars.
pub(super) fn bars(room: usize) -> usize {
    if room >= 140 { 30 } else { 12 }
}

/// How long an answer took, in milliseconds.
pub(super) fn answer_of(latency_ms: Option<f64>) -> Cell {
    latency_ms.map_or(Cell::quiet("-"), |answer| Cell::plain(format!("{answer:.1} ms")))
}

/// What could not be looked at is not called by what was seen before.
fn state_of(need: &Dependency) -> String {
    match need.verdict.as_str() {
        "could not verify" => need.verdict.clone(),
        _ => need.state.clone(),
    }
}

/// What is wrong, or what waits in it.
fn last(need: &Dependency) -> String {
    let queues = || need.queues.iter().map(|(name, length)| format!("{name}={length}")).collect::<Vec<_>>();
    need.reason.clone().unwrap_or_else(|| queues().join(" "))
}

fn cells(model: &Model, need: &Dependency) -> Vec<Cell> {
    let tone = tone_of_need(need);
    let mark = if matches!(tone, Tone::Bad | Tone::Warning) { "! " } else { "  " };
    let trace = model.figures.answer(&need.name);
    let answers = trace.map(|trace| trace.bars(bars(usize::from(model.size.0)), QUICK, model.look.bars()));
    vec![
        Cell { text: need.name.clone(), tone },
        Cell { text: format!("{mark}{}", state_of(need)), tone },
        Cell::quiet(age(span(need.for_s))),
        answer_of(need.latency_ms),
        Cell::quiet(answers.unwrap_or_default()),
        Cell::quiet(need.kind.clone()),
        Cell { text: last(need), tone },
    ]
}
