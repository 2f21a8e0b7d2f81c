//! The application as a whole.

use super::pen::Pen;
use crate::{
    look::{Tone, tone_of_health},
    model::Model,
};
use control::{Backup, span};
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
    facts.extend(loss(&status.backups));
    facts.push(match status.disk.free_bytes {
        Some(free) => (format!("disk {} free", bytes(free)), Tone::Quiet),
        None => ("disk could not verify".to_owned(), Tone::Warning),
    });
    facts.push((format!("pid {}", status.pid), Tone::Quiet));
    facts.push((format!("mainstay {}", status.mainstay), Tone::Quiet));
    facts
}

/// What would be lost if the disk died now: of the database that would lose most.
fn loss(backups: &[Backup]) -> Option<(String, Tone)> {
    let age_of = |backup: &Backup| backup.age_s.unwrap_or(f64::INFINITY);
    let most = backups.iter().max_by(|one, other| age_of(one).total_cmp(&age_of(other)))?;
    let lose = most.age_s.map_or_else(|| "everything".to_owned(), |seconds| age(span(seconds)));
    let tone = if backups.iter().all(|backup| backup.verdict == "pass") { Tone::Quiet } else { Tone::Warning };
    Some((format!("if the disk dies now: lose {lose}"), tone))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: what would be lost is that of the database that would lose most.
    #[test]
    fn the_greatest_loss_is_told() {
        let backup = |age_s, verdict: &str| Backup { age_s, verdict: verdict.to_owned(), ..Backup::default() };
        assert_eq!(loss(&[]), None);
        let two = [backup(Some(60.0), "pass"), backup(Some(11_520.0), "pass")];
        assert_eq!(loss(&two), Some(("if the disk dies now: lose 3 h 12 m".to_owned(), Tone::Quiet)));
        let one_has_none = [backup(Some(60.0), "pass"), backup(None, "skipped")];
        assert_eq!(loss(&one_has_none), Some(("if the disk dies now: lose everything".to_owned(), Tone::Warning)));
    }
}
