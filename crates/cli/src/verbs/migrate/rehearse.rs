//! `mainstay migrate up --rehearse`

use crate::{
    args::Rehearse,
    context::Context,
    verbs::{answer, tell},
};
use migrate::{Goal, Job, MigrateError, Rehearsal, Stage};
use report::Outcome;

/// Runs what is pending where it harms nobody, and says what it did.
pub(super) async fn rehearse(
    context: &Context,
    job: &Job<'_>,
    goal: &Goal,
    how: Rehearse,
    json: bool,
) -> Result<Outcome, MigrateError> {
    let how = match how {
        Rehearse::Auto => Stage::Auto,
        Rehearse::Clone => Stage::Clone,
        Rehearse::Rollback => Stage::RollBack,
    };
    let rehearsal = migrate::rehearse(job, goal, how).await?;
    Ok(show(context, &rehearsal, json))
}

fn show(context: &Context, rehearsal: &Rehearsal, json: bool) -> Outcome {
    let outcome = if rehearsal.passed() { Outcome::Done } else { Outcome::Failed };
    let errors = rehearsal.files.iter().filter_map(|file| file.error.as_ref());
    let findings: Vec<_> = errors.map(MigrateError::finding).collect();
    tell(context, &findings, outcome);
    let text = if json { format!("{:#}", serde_json::json!(rehearsal)) } else { rehearsal.to_string() };
    answer(context, &text, outcome)
}
