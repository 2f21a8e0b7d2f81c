//! The last line: a question, what is typed, what became of an order, or the keys.

use super::pen::Pen;
use crate::{
    list::Kind,
    logs::Arrangement,
    look::Tone,
    model::{Mode, Model, Sifted},
};

pub(super) fn foot(model: &Model, pen: &mut Pen<'_>) {
    pen.put(" ", Tone::Plain);
    match &model.mode {
        Mode::Asking(order) => {
            let what = format!("{} `{}`? ", order.act.word(), order.name);
            pen.put(&what, Tone::Warning);
            pen.put(order.act.consequence(), Tone::Plain);
            pen.put("  y / n", Tone::Head);
        }
        Mode::Typing(what, _) => typing(model, *what, pen),
        Mode::Detail(_) | Mode::Help(_) => keys(&[("Esc", "back"), ("jk", "up and down"), ("q", "back")], pen),
        Mode::Looking => told(model, pen),
    }
}

fn typing(model: &Model, what: Sifted, pen: &mut Pen<'_>) {
    let (head, text) = match what {
        Sifted::Lines => ("lines with: ", model.logs.sieve.text.as_str()),
        Sifted::Names => ("services with: ", model.list.filter_text()),
    };
    pen.put(head, Tone::Head);
    pen.put(text, Tone::Plain);
    pen.put("_", Tone::Head);
    pen.put_at_end("Enter keep  Esc as before ", Tone::Quiet);
}

/// What is under way, then what has ended, then the keys.
fn told(model: &Model, pen: &mut Pen<'_>) {
    let under_way = model.orders.under_way();
    if !under_way.is_empty() {
        pen.put(&format!("{under_way} {}", model.look.ellipsis()), Tone::Warning);
        pen.put("  ", Tone::Plain);
    }
    match model.orders.end() {
        Some(end) => pen.put(&end.text, if end.good { Tone::Good } else { Tone::Bad }),
        None if under_way.is_empty() => keys(&usual(model), pen),
        None => {}
    }
}

fn usual(model: &Model) -> Vec<(&'static str, &'static str)> {
    let rest = model.selected().is_some_and(|service| matches!(service.state.as_str(), "inactive" | "failed"));
    let mut keys = vec![("q", "quit"), ("?", "help")];
    if model.in_lines {
        keys.extend([("Tab", "services"), ("G", "newest")]);
    } else {
        keys.push((model.look.arrows(), "select"));
    }
    keys.push(("Enter", "why"));
    match model.list.kind() {
        Some(Kind::Job) => keys.push(("n", "run now")),
        _ => keys.extend([("r", "restart"), ("s", if rest { "start" } else { "stop" })]),
    }
    keys.extend([("l", "lines"), ("/", "search")]);
    if model.logs.arrangement != Arrangement::Hidden {
        keys.extend([("e", "error"), ("p", if model.logs.bottom.is_some() { "go on" } else { "pause" })]);
        keys.extend([("v", "level"), ("m", "mark"), ("f", "filter")]);
    }
    keys
}

/// As many as fit.
fn keys(keys: &[(&str, &str)], pen: &mut Pen<'_>) {
    for (key, what) in keys {
        if pen.room() < key.chars().count() + what.len() + 3 {
            return;
        }
        pen.put(key, Tone::Head);
        pen.put(&format!(" {what}"), Tone::Quiet);
        pen.skip(2);
    }
}
