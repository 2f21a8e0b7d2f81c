//! What is to be applied, and what forbids it: the policies.

use super::{Conflict, Standing, Where};
use crate::{Migration, Version, migration::Kind};
use config::{MigrationPolicies, Tolerance};

/// How far to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// All that is pending.
    #[default]
    All,
    /// All that is pending, and the seed files.
    Seeds,
    /// Up to and including this version.
    To(Version),
    /// The next one.
    One,
    /// This one, whatever else is pending.
    Only(Version),
}

/// The migrations to apply, in order; repeatable ones last, and only when everything else is.
///
/// # Errors
/// Every [`Conflict`] at once; then nothing may be applied.
pub(crate) fn pending<'a>(
    standings: &[Standing<'a>],
    policies: &MigrationPolicies,
    goal: &Goal,
    tool: &'static str,
) -> Result<Vec<&'a Migration>, Vec<Conflict>> {
    let conflicts = conflicts(standings, policies, tool);
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let seeds = *goal == Goal::Seeds;
    let wanted = |it: &&Standing<'a>| {
        matches!(it.place, Where::Pending | Where::Late | Where::Again | Where::Resumes)
            && (seeds || it.kind() != Kind::Seed)
    };
    let all: Vec<&Migration> = standings.iter().filter(wanted).filter_map(|it| it.file).collect();
    Ok(match goal {
        Goal::All | Goal::Seeds => all,
        Goal::One => all.into_iter().take(1).collect(),
        Goal::Only(version) => {
            all.into_iter().filter(|it| it.kind == Kind::Versioned && it.version == *version).collect()
        }
        Goal::To(version) => {
            all.into_iter().filter(|it| it.kind == Kind::Versioned && it.version <= *version).collect()
        }
    })
}

/// The conflicts among them; what the policies tolerate is none.
pub(crate) fn conflicts(standings: &[Standing<'_>], policies: &MigrationPolicies, tool: &'static str) -> Vec<Conflict> {
    standings.iter().filter_map(|it| conflict(it, standings, policies, tool)).collect()
}

/// What forbids to go on, of one migration.
fn conflict(
    standing: &Standing<'_>,
    all: &[Standing<'_>],
    policies: &MigrationPolicies,
    tool: &'static str,
) -> Option<Conflict> {
    let refused = |tolerance: Tolerance| tolerance == Tolerance::Refuse;
    let applied_at = || standing.applied_at();
    let file = || standing.file.map(|file| file.shown.to_string()).unwrap_or_default();
    let version = || standing.version().cloned().unwrap_or_default();
    let row_name = || standing.row.map(super::Row::shown).unwrap_or_default();
    Some(match &standing.place {
        Where::Changed(difference) if !difference.is_harmless() && refused(policies.changed) => Conflict::Changed {
            file: file(),
            name: standing.row.and_then(|row| row.name.clone()),
            applied_at: applied_at(),
            difference: difference.clone(),
        },
        Where::Renamed if refused(policies.changed) => {
            Conflict::Renamed { file: file(), name: row_name(), applied_at: applied_at() }
        }
        Where::Missing if refused(policies.missing) => {
            Conflict::Missing { name: standing.name(), applied_at: applied_at() }
        }
        Where::Newer { allowed: false } if refused(policies.newer) => Conflict::Newer {
            name: standing.name(),
            applied_at: applied_at(),
            floor: standing.recorded.and_then(|recorded| recorded.compat.clone()),
        },
        Where::Late if refused(policies.out_of_order) => Conflict::OutOfOrder { file: file(), newest: newest(all) },
        Where::Begun => Conflict::Begun { name: standing.name(), tool },
        Where::BegunAs(was) => Conflict::BegunAs { file: file(), was: was.clone(), version: version() },
        Where::UndoneInPart => Conflict::UndoneInPart { name: standing.name(), version: version() },
        _ => return None,
    })
}

fn newest(all: &[Standing<'_>]) -> String {
    let applied = all.iter().rev().find(|it| it.is_in_ledger());
    applied.map(Standing::name).unwrap_or_default()
}
