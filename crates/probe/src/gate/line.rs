//! A gate's lines: one sentence for people, the same as fields for machines.

use super::{Opened, Waiting};
use report::{Event, Level, seconds};

/// Why it is not ready yet, and when the next attempt is.
pub(super) fn waiting(name: &str, waiting: &Waiting) -> Event {
    let refusal = &waiting.refusal;
    let mut event =
        Event::new("gate.waiting", sentence(name, waiting)).with("target", name).with("attempt", waiting.attempt);
    if let Some(attempts) = waiting.attempts {
        event = event.with("attempts", attempts);
    }
    event = event.with("state", refusal.state.word());
    if let Some(code) = &refusal.code {
        event = event.with("code", code.as_str());
    }
    event = event.with("reason", refusal.to_string());
    if let Some(progress) = &waiting.progress {
        event = progress.fields(event);
    }
    event = event.with("elapsed", waiting.elapsed);
    if let Some(next) = waiting.next {
        event = event.with("next", next);
    }
    match &refusal.hint {
        Some(hint) => event.with("hint", hint.as_str()),
        None => event,
    }
}

fn sentence(name: &str, waiting: &Waiting) -> String {
    let refusal = &waiting.refusal;
    let attempts = waiting.attempts.map(|most| format!("/{most}")).unwrap_or_default();
    let mut parts = vec![
        format!("waiting for {name}: {}", refusal.state),
        format!("attempt {}{attempts}", waiting.attempt),
        one_line(&refusal.to_string()),
    ];
    parts.extend(waiting.progress.as_ref().map(ToString::to_string));
    parts.push(format!("{} elapsed", seconds(waiting.elapsed)));
    parts.push(match waiting.next {
        Some(next) => format!("next try in {}", seconds(next)),
        None => "no other try".to_owned(),
    });
    parts.extend(refusal.hint.as_ref().map(|hint| format!("hint: {}", one_line(hint))));
    parts.join(", ")
}

/// What others wrote may have several lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It is ready.
pub(super) fn open(name: &str, opened: &Opened) -> Event {
    let Opened { took, attempts, ready } = opened;
    let tries = report::count(*attempts as usize, "attempt");
    Event::new("gate.open", format!("{name} is ready ({}, {tries}, {})", ready.what, seconds(*took)))
        .with("target", name)
        .with("attempts", *attempts)
        .with("took", *took)
        .with("what", ready.what.as_str())
}

/// What was seen at the open gate and somebody should look at.
pub(super) fn note(name: &str, note: &str) -> Event {
    Event::new("gate.note", format!("{name}: {}", one_line(note))).level(Level::Warn).with("target", name)
}
