//! A word before migrations are applied.

use super::{
    judge::Known,
    look::{File, Usage},
    rules::{MIXED_TRANSACTION, NO_STATEMENT, SYNTAX},
    told::{self, Told},
};
use crate::{Migration, engine::Engine, job::Run, snapshot::Snapshot};
use report::{Event, Level, Severity};

/// With more files than these a database is being set up, and nobody uses it yet.
const MOST_FILES: usize = 200;
/// A file of more bytes is data.
const MOST_BYTES: usize = 128 * 1024;

/// Tells the warnings about files that are about to be applied, as events `migrate.lint`. It stops nothing: what it cannot look
/// at it leaves out.
pub(crate) async fn before_up(run: &Run<'_>, engine: &mut Engine, snapshot: &Snapshot, pending: &[&Migration]) {
    if pending.len() > MOST_FILES || !matches!(engine, Engine::Postgres(_)) {
        return;
    }
    match super::rules(run.job) {
        Err(error) => run.job.warn("migrate.lint", error.to_string()),
        Ok(rules) => {
            let usage = Usage::of(&*snapshot.style);
            // A file that cannot be read any more is told by whoever applies it.
            let files = pending.iter().filter_map(|migration| File::of(migration, true, &usage).ok());
            let files = files.filter(|file| file.text.whole.len() <= MOST_BYTES).collect();
            let (_, looked, sizes) = super::look(engine, files, &rules, None).await;
            let known = Known { fresh: told::fresh(looked.iter()), sizes: sizes.ok() };
            let told = looked.iter().flat_map(|file| told::findings_of(file, &rules, &known));
            told.filter(is_worth_it).for_each(|told| say(run, &told));
        }
    }
}

/// Of what the linter's parser does not understand PostgreSQL tells more, and in a moment; a file that is not one transaction is
/// done by the journal; of one that does nothing `up` tells itself.
fn is_worth_it(told: &Told) -> bool {
    let seen_to = [Some(SYNTAX), Some(MIXED_TRANSACTION), Some(NO_STATEMENT)].contains(&told.rule.as_deref());
    told.finding.severity == Severity::Warning && !seen_to
}

fn say(run: &Run<'_>, told: &Told) {
    let finding = &told.finding;
    let mut text = finding.summary.clone();
    if let Some(place) = &finding.place {
        text = format!("{}:{}: {text}", place.file, place.line);
    }
    text = finding.seen.iter().fold(text, |text, seen| format!("{text}; {seen}"));
    let mut event = Event::new("migrate.lint", text).level(Level::Warn);
    event = event.with("rule", told.rule.clone().unwrap_or_default());
    if let Some(place) = &finding.place {
        event = event.with("file", place.file.as_str()).with("line", place.line.to_string());
    }
    run.job.journal.note(event);
}
