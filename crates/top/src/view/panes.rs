//! The lines of services.

use super::pen::Pen;
use crate::{
    figures::cpu_of,
    lines::{Kept, Whose},
    logs::Arrangement,
    look::{Tone, state_of, tone_of},
    model::Model,
    text::{behind, cut, width},
};
use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use report::Level;

/// Names of services take no more of a line.
const WIDEST: usize = 16;
/// On less than this the lines are worth more than their times.
const ROOM_FOR_TIMES: usize = 50;

pub(super) fn panes(model: &Model, buffer: &mut Buffer, areas: &[Rect]) {
    if model.logs.arrangement != Arrangement::Each {
        areas.iter().for_each(|area| pane(model, &mut Pen::new(buffer, *area, model.look), None));
        return;
    }
    for (service, area) in model.chosen().iter().zip(areas) {
        pane(model, &mut Pen::new(buffer, *area, model.look), Some(service));
    }
}

/// The lines of `one`, or of all that are followed.
fn pane(model: &Model, pen: &mut Pen<'_>, one: Option<&str>) {
    if pen.height() == 0 {
        return;
    }
    title(model, pen, one);
    let whose = one.map_or(Whose::All, Whose::One);
    let lines = model.logs.shown(whose, pen.height() - 1);
    if lines.is_empty() {
        pen.next_line();
        pen.skip(2);
        pen.put(&nothing(model), Tone::Quiet);
    }
    let names = match one {
        None if model.logs.arrangement == Arrangement::All || model.chosen().len() > 1 => names_width(model),
        _ => 0,
    };
    for kept in lines {
        pen.next_line();
        line(model, kept, names, pen);
    }
}

fn names_width(model: &Model) -> usize {
    let services = model.status.services.iter().map(|service| &service.name);
    let names = services.chain(model.status.jobs.iter().map(|job| &job.name));
    names.map(|name| width(name)).max().unwrap_or(0).min(WIDEST)
}

fn nothing(model: &Model) -> String {
    match &model.logs.problem {
        Some(problem) => problem.clone(),
        None if model.logs.sieve == crate::lines::Sieve::default() => "no lines yet".to_owned(),
        None => "no line passes the filter".to_owned(),
    }
}

/// A rule with what it is about.
fn title(model: &Model, pen: &mut Pen<'_>, one: Option<&str>) {
    let rule = |pen: &mut Pen<'_>| pen.put(&pen.look.rule().repeat(2), Tone::Quiet);
    let here = model.in_lines && one.is_none_or(|one| model.list.selected() == Some(one));
    let head = if here { "> " } else { "" };
    rule(pen);
    pen.put(&format!(" {head}{} ", whose(model, one)), Tone::Head);
    if let Some(service) = one.and_then(|one| model.status.services.iter().find(|service| service.name == one)) {
        pen.put(&format!("{} ", state_of(service)), tone_of(service));
        if let Some(cpu) = cpu_of(service) {
            pen.put(&format!("{cpu:.0} % "), Tone::Quiet);
        }
    }
    for (fact, tone) in facts(model, one) {
        rule(pen);
        pen.put(&format!(" {fact} "), tone);
    }
    pen.rule(Tone::Quiet);
}

fn whose(model: &Model, one: Option<&str>) -> String {
    match (one, model.logs.arrangement) {
        (Some(one), _) => one.to_owned(),
        (None, Arrangement::All) => "all services".to_owned(),
        (None, _) => cut(&model.chosen().join(", "), 40, model.look.ellipsis()),
    }
}

fn facts(model: &Model, one: Option<&str>) -> Vec<(String, Tone)> {
    let logs = &model.logs;
    let mut facts = Vec::new();
    if let Some(level) = logs.sieve.level {
        facts.push((format!("{level} and above"), Tone::Warning));
    }
    if !logs.sieve.text.is_empty() {
        facts.push((format!("with `{}`", logs.sieve.text), Tone::Warning));
    }
    if logs.bottom.is_some() {
        let unseen = logs.unseen(one.map_or(Whose::All, Whose::One));
        facts.push((format!("standing still, {unseen} below"), Tone::Warning));
    }
    if logs.shift > 0 {
        facts.push((format!("from column {}", logs.shift + 1), Tone::Quiet));
    }
    facts
}

fn line(model: &Model, kept: &Kept, names: usize, pen: &mut Pen<'_>) {
    let line = &kept.line;
    let found = model.logs.found == Some(kept.number);
    let tone = tone_of_line(kept);
    let mark = match (found, kept.level) {
        (true, _) => ">",
        (false, Some(Level::Error)) => "!",
        _ => " ",
    };
    pen.put(mark, tone);
    pen.skip(1);
    if pen.width() >= ROOM_FOR_TIMES {
        pen.put(&line.at, Tone::Quiet);
        pen.skip(1);
    }
    if names > 0 {
        pen.put_column(&line.service, names, false, Tone::Head);
        pen.put(" ", Tone::Plain);
    }
    text(model, behind(&line.text, model.logs.shift), tone, pen);
    if found {
        pen.reverse_line();
    }
}

/// What is looked for stands out.
fn text(model: &Model, text: &str, tone: Tone, pen: &mut Pen<'_>) {
    let sieve = &model.logs.sieve;
    let Some(at) = sieve.find(text).filter(|_| !sieve.text.is_empty()) else { return pen.put(text, tone) };
    let length: usize = text[at..].chars().take(sieve.text.chars().count()).map(char::len_utf8).sum();
    let (before, rest) = text.split_at(at);
    let (found, after) = rest.split_at(length);
    let strong = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
    pen.put(before, tone);
    pen.put_styled(found, pen.look.style(tone).patch(strong));
    pen.put(after, tone);
}

fn tone_of_line(kept: &Kept) -> Tone {
    match kept.level {
        Some(Level::Error) => Tone::Bad,
        Some(Level::Warn) => Tone::Warning,
        Some(Level::Debug) => Tone::Quiet,
        Some(Level::Info) | None => Tone::Plain,
    }
}
