//! Answers of the chapters as people read them.

pub(crate) mod events;
mod hours;
mod jobs;
pub(crate) mod progress;
pub(crate) mod proxy;
pub(crate) mod releases;
mod running;
pub(crate) mod timeline;

pub(crate) use hours::{availability, hours};
#[cfg(feature = "top")]
pub(crate) use running::changed;
pub(crate) use running::{all, done, status as whole, why};

use migrate::{Status, ledger::Entry};
use report::Finding;

/// Nothing that has to end on a signal is begun without hearing them.
pub(crate) fn unheard(error: &std::io::Error) -> Finding {
    Finding::error("signals cannot be listened to").because(error)
}

/// One line for each migration, and the counts.
pub(crate) fn status(status: &Status) -> String {
    let width = status.migrations.iter().map(|entry| entry.name.chars().count()).max().unwrap_or_default();
    let mut text: String = status.migrations.iter().map(|entry| line(entry, width)).collect();
    if let Some(mapping) = &status.mapping {
        text += &format!("`{}`: {mapping}\n", status.ledger.as_deref().unwrap_or_default());
    }
    text += &match status.current {
        None => format!("{}: an external command keeps its state to itself\n", status.database),
        Some(_) => {
            let counts = &status.counts;
            let all = [(counts.applied, "applied"), (counts.pending, "pending"), (counts.conflicts, "in conflict")];
            let told: Vec<_> = all.iter().map(|(number, what)| format!("{number} {what}")).collect();
            format!("{}: {}\n", status.database, told.join(", "))
        }
    };
    text
}

fn line(entry: &Entry, width: usize) -> String {
    let when = entry.applied_at.as_deref().unwrap_or_default();
    format!("{:<12}  {:<width$}  {when}", entry.state.to_string(), entry.name).trim_end().to_owned() + "\n"
}
