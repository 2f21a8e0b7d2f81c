//! The table of services.

use super::{
    grid::{Cell, Column, Grid, NICE},
    needs::{QUICK, answer_of, bars},
    pen::Pen,
};
use crate::{
    figures::{cpu_of, memory_of},
    list::Kind,
    look::{Tone, state_of, tone_of},
    model::Model,
    text::width,
};
use control::{Service, span};
use report::age;

/// `>` and `*` stand before a row.
pub(super) const MARKS: usize = 3;
/// Names and states are no wider than this.
const WIDEST: usize = 24;
/// A reason is read in full up to here before bars are drawn.
const WIDEST_REASON: usize = 40;
/// Less than this share of a processor looks like little.
const LITTLE: f64 = 10.0;

pub(super) fn services(model: &Model, pen: &mut Pen<'_>) {
    if pen.height() == 0 {
        return;
    }
    let grid = Grid::fit(columns(model, pen.width()), pen.width().saturating_sub(MARKS));
    pen.skip(MARKS);
    grid.head(pen);
    let rows = pen.height() - 1;
    out_of_sight(model, Kind::Service, rows, pen);
    if model.list.shown(Kind::Service) == 0 {
        pen.next_line();
        pen.skip(MARKS);
        let filter = model.list.filter_text();
        let text = if model.list.all(Kind::Service) == 0 {
            "no services".to_owned()
        } else {
            format!("none with `{filter}` in its name")
        };
        pen.put(&text, Tone::Quiet);
    }
    for service in model.list.in_sight(Kind::Service, rows).filter_map(|at| model.status.services.get(at)) {
        pen.next_line();
        row(model, &grid, service, pen);
    }
}

pub(super) fn out_of_sight(model: &Model, kind: Kind, rows: usize, pen: &mut Pen<'_>) {
    let (above, below) = model.list.out_of_sight(kind, rows);
    if above + below > 0 {
        pen.put_at_end(&format!("{above} above, {below} below "), Tone::Quiet);
    }
}

fn row(model: &Model, grid: &Grid, service: &Service, pen: &mut Pen<'_>) {
    marked_row(model, grid, &service.name, cells(model, service), pen);
}

/// A row that one can be on.
pub(super) fn marked_row(model: &Model, grid: &Grid, name: &str, cells: Vec<Cell>, pen: &mut Pen<'_>) {
    let selected = model.list.selected() == Some(name);
    pen.put(if selected { ">" } else { " " }, Tone::Head);
    pen.put(if model.list.is_marked(name) { "*" } else { " " }, Tone::Head);
    pen.skip(MARKS - 2);
    grid.row(pen, cells);
    if selected && !model.in_lines {
        pen.reverse_line();
    }
}

fn columns(model: &Model, room: usize) -> Vec<Column> {
    let services = &model.status.services;
    let widest =
        |of: &dyn Fn(&Service) -> usize, least| services.iter().map(of).max().unwrap_or(0).clamp(least, WIDEST);
    let name = widest(&|service| width(&service.name), 7);
    let state = widest(&|service| width(&state_of(service)) + 2, 9);
    let reason = |service: &Service| service.reason.as_deref().map_or(0, width);
    let reason = services.iter().map(reason).max().unwrap_or(0).clamp(6, WIDEST_REASON);
    let column = |head, width, right, rank| Column { head, width, right, rank };
    let all = [
        column("SERVICE", name.min(room / 3), false, 0),
        column("STATE", state, false, 1),
        column("FOR", 9, true, 2),
        column("CPU", 5, true, 3),
        column("", bars(room), false, NICE),
        column("MEMORY", 6, true, 4),
        column("RESTARTS", 8, true, 5),
    ];
    let answer = [column("ANSWER", 8, true, 7), column("", bars(room), false, NICE)];
    let answer = answer.into_iter().filter(|_| are_asked(model));
    all.into_iter().chain(answer).chain([column("REASON", reason, false, 6)]).collect()
}

/// Has any of them a health check that is asked?
fn are_asked(model: &Model) -> bool {
    model
        .status
        .services
        .iter()
        .any(|service| service.latency_ms.is_some() || model.figures.check_is_known(&service.name))
}

fn cells(model: &Model, service: &Service) -> Vec<Cell> {
    let tone = tone_of(service);
    let mark = if matches!(tone, Tone::Bad | Tone::Warning) { "! " } else { "  " };
    let trace = model.figures.cpu(&service.name);
    let cpu = trace.map(|trace| trace.bars(bars(usize::from(model.size.0)), LITTLE, model.look.bars()));
    let restarts = if service.restarts > 0 { Tone::Warning } else { Tone::Quiet };
    let mut all = vec![
        Cell { text: service.name.clone(), tone: if tone == Tone::Plain { Tone::Plain } else { tone } },
        Cell { text: format!("{mark}{}", state_of(service)), tone },
        Cell::quiet(age(span(service.for_s))),
        cpu_of(service).map_or(Cell::quiet("-"), |cpu| Cell::plain(format!("{cpu:.0} %"))),
        Cell::quiet(cpu.unwrap_or_default()),
        memory_of(service).map_or(Cell::quiet("-"), |memory| Cell::plain(short(memory))),
        Cell { text: service.restarts.to_string(), tone: restarts },
    ];
    if are_asked(model) {
        let trace = model.figures.check(&service.name);
        let answers = trace.map(|trace| trace.bars(bars(usize::from(model.size.0)), QUICK, model.look.bars()));
        all.push(answer_of(service.latency_ms));
        all.push(Cell::quiet(answers.unwrap_or_default()));
    }
    all.push(Cell { text: service.reason.clone().unwrap_or_default(), tone });
    all
}

/// A size in at most six columns: `512 K`, `1.5 G`.
fn short(size: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    let mut value = size as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}
