//! The application as a whole.

use super::pen::Pen;
use crate::{
    look::{Tone, tone_of_health},
    model::Model,
};
use control::span;
use report::{age, bytes};

/// One line: the application, its health, and what is good to know as far as there is room.
pub(super) fn header(model: &Model, pen: &mut Pen<'_>) {
    let status = &model.status;
    pen.put(" ", Tone::Plain);
    pen.put(&status.app, Tone::Head);
    pen.put("  ", Tone::Plain);
    match &model.lost {
        Some(_) => pen.put("no answer", Tone::Bad),
        None => pen.put(&status.health, tone_of_health(&status.health)),
    }
    let clock = format!("{} UTC ", model.clock);
    for (fact, tone) in facts(model) {
        if pen.room() > fact.chars().count() + clock.len() + 4 {
            pen.put(pen.look.between(), Tone::Quiet);
            pen.put(&fact, tone);
        }
    }
    pen.put_at_end(&clock, Tone::Quiet);
}

/// What matters most comes first.
fn facts(model: &Model) -> Vec<(String, Tone)> {
    let status = &model.status;
    let mut facts = Vec::new();
    if status.phase != "watch" {
        facts.push((status.phase.clone(), Tone::Warning));
    }
    let (ready, all) = (status.services.iter().filter(|service| service.ready).count(), status.services.len());
    facts.push((format!("{ready} of {all} ready"), Tone::Plain));
    let unverified = status.dependencies.iter().filter(|need| need.verdict == "could not verify");
    let unverified: Vec<_> = unverified.map(|need| need.name.as_str()).collect();
    if !unverified.is_empty() {
        facts.push((format!("could not verify {}", unverified.join(", ")), Tone::Warning));
    }
    if !matches!(status.migrations.state.as_str(), "none" | "done" | "") {
        facts.push((format!("migrations {}", status.migrations.state), Tone::Warning));
    }
    let up = span(status.uptime_s);
    facts.push((format!("up {}", age(up)), Tone::Quiet));
    if let Some(release) = &status.release {
        facts.push((format!("release {release}"), Tone::Plain));
    }
    facts.push(match status.disk.free_bytes {
        Some(free) => (format!("disk {} free", bytes(free)), Tone::Quiet),
        None => ("disk could not verify".to_owned(), Tone::Warning),
    });
    facts.push((format!("pid {}", status.pid), Tone::Quiet));
    facts.push((format!("mainstay {}", status.mainstay), Tone::Quiet));
    facts
}

impl Model {
    /// Why not all is well, the worst first.
    pub(crate) fn reasons(&self) -> Vec<String> {
        match &self.lost {
            Some(why) => vec![format!("{why}; this is how it was at {} UTC, asking on", self.clock)],
            None => self.status.reasons.clone(),
        }
    }
}

pub(super) fn because(model: &Model, pen: &mut Pen<'_>) {
    let reasons = model.reasons();
    let tone = if model.lost.is_some() { Tone::Bad } else { tone_of_health(&model.status.health) };
    let hidden = reasons.len().saturating_sub(pen.height());
    for (at, reason) in reasons.iter().take(pen.height()).enumerate() {
        let more = if at + 1 == pen.height() && hidden > 0 { format!(" (and {hidden} more)") } else { String::new() };
        pen.put(" ! ", tone);
        let room = pen.room().saturating_sub(more.len());
        pen.put(&crate::text::cut(reason, room, pen.look.ellipsis()), tone);
        pen.put(&more, Tone::Quiet);
        pen.next_line();
    }
}
