//! Bringing the ledger into line with what a person says is true. What would be done is told first.

use crate::{
    Job, MigrateError, Version,
    engine::Engine,
    history,
    job::Run,
    ledger::{Difference, Standing, Where, previous},
    migration::{Kind, Migration},
    read_set, retrying,
    snapshot::Snapshot,
    up::must_be_known,
    work::{Direction, Step},
};
use serde::Serialize;
use std::{fmt, path::Path};

/// What a person says is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// These migrations are in the database, wholly.
    pub applied: Vec<Version>,
    /// These are not, and their rows are to be taken out.
    pub forget: Vec<Version>,
}

/// One thing that is brought into line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fix", rename_all = "kebab-case")]
pub enum Fix {
    /// The row gets the checksum and the name that the file has now.
    Restamp {
        /// The migration.
        version: Version,
        /// Its file.
        name: String,
        /// What is written there now and what will be: `name`, `checksum`.
        was: String,
        /// The same, afterwards.
        will_be: String,
        /// In what the file differs from what was applied.
        difference: String,
    },
    /// The row is taken out.
    Forget {
        /// The migration.
        version: Version,
        /// What the ledger calls it.
        name: String,
    },
    /// A repeatable one was begun and did not end: its row is taken out, and the next run applies it again.
    Again {
        /// Its file.
        name: String,
    },
    /// The mark that it was begun is taken for its end.
    Settle {
        /// The migration.
        version: Version,
        /// Its file.
        name: String,
    },
}

/// What is to be brought into line, and what only a person can decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What is done, or would be.
    pub fixes: Vec<Fix>,
    /// What was left alone, and what to say about it.
    pub open: Vec<String>,
    /// It was done.
    pub done: bool,
}

/// Finds what is to be brought into line; does it when `go`.
///
/// # Errors
/// As [`crate::up`].
pub async fn repair(job: &Job<'_>, truth: &Truth, go: bool) -> Result<Repair, MigrateError> {
    let run = Run::new(job);
    let (found, _) = retrying::again(job, || attempt(&run, truth, go)).await?;
    Ok(found)
}

async fn attempt(run: &Run<'_>, truth: &Truth, go: bool) -> Result<Repair, MigrateError> {
    let dir = run.job.dir("repair")?;
    Engine::with(run, async |engine| through(run, engine, dir, truth, go).await).await
}

async fn through(
    run: &Run<'_>,
    engine: &mut Engine,
    dir: &Path,
    truth: &Truth,
    go: bool,
) -> Result<Repair, MigrateError> {
    let snapshot = Snapshot::take(run, engine, dir).await?;
    known(&snapshot, truth)?;
    let repair = found(&snapshot, truth);
    if !go || repair.fixes.is_empty() {
        return Ok(repair);
    }
    engine.lock(run, &snapshot.catalog, &snapshot.co_locks()).await?;
    loop {
        let (snapshot, seen) = read_set::take(run, engine, dir).await?;
        let repair = found(&snapshot, truth);
        let mut sql = Vec::new();
        for fix in &repair.fixes {
            sql.extend(mended(run, &snapshot, fix)?);
        }
        if let Step::Done(()) = engine.write_if(run, "write the ledger", sql, seen).await? {
            return Ok(Repair { done: true, ..repair });
        }
    }
}

fn known(snapshot: &Snapshot, truth: &Truth) -> Result<(), MigrateError> {
    let standings = snapshot.standings();
    truth.applied.iter().chain(&truth.forget).try_for_each(|version| must_be_known(&standings, version))
}

/// What is to be done, in the order of the migrations.
pub(crate) fn found(snapshot: &Snapshot, truth: &Truth) -> Repair {
    let mut repair = Repair::default();
    let mut begun = false;
    for standing in snapshot.standings() {
        let name = standing.name();
        let Some(version) = standing.version().cloned() else {
            repair.fixes.extend((standing.place == Where::Begun).then_some(Fix::Again { name }));
            continue;
        };
        let after_begun = std::mem::replace(&mut begun, standing.place == Where::Begun);
        let (applied, forget) = (truth.applied.contains(&version), truth.forget.contains(&version));
        match &standing.place {
            _ if forget && standing.row.is_some() => repair.fixes.push(Fix::Forget { version, name }),
            Where::Changed(difference) => repair.fixes.extend(restamp(&standing, Some(difference))),
            Where::Renamed => repair.fixes.extend(restamp(&standing, None)),
            Where::Resumes | Where::BegunAs(_) if forget => repair.fixes.push(Fix::Forget { version, name }),
            Where::Begun | Where::Resumes | Where::BegunAs(_) | Where::UndoneInPart if applied => repair.fixes.push(Fix::Settle { version, name }),
            // One row for all: what failed may be what undoes this one.
            Where::Pending if applied && after_begun && snapshot.style.implies() => {
                repair.fixes.push(Fix::Settle { version, name });
            }
            Where::Begun => repair.open.push(format!(
                "`{name}` was begun and did not end: look what of it is in the database, then say `--applied {version}` or \
                 `--forget {version}`"
            )),
            Where::BegunAs(was) => repair.open.push(format!(
                "`{name}` is done in part as `{was}`: rename it back, or, when nothing of it is in the database, say `--forget {version}`"
            )),
            Where::UndoneInPart => repair.open.push(format!(
                "`{name}` was undone in part: `mainstay migrate down` goes on with it, or, when all of it is in the database again, say \
                 `--applied {version}`"
            )),
            Where::Missing | Where::Newer { allowed: false } => repair.open.push(format!(
                "`{name}` was applied and has no file: bring it back, or say `--forget {version}` to take its row out"
            )),
            _ => {}
        }
    }
    repair
}

fn restamp(standing: &Standing<'_>, difference: Option<&Difference>) -> Option<Fix> {
    let (file, row) = (standing.file?, standing.row?);
    let was = [row.name.as_deref(), row.stamp.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let will_be = match row.name {
        Some(_) => format!("{}, {}", file.name, file.stamp()),
        None => file.stamp().to_owned(),
    };
    let difference = match difference {
        Some(Difference::Real { diff }) => diff.clone(),
        Some(difference) => difference.to_string(),
        None => "it has another name or number".to_owned(),
    };
    Some(Fix::Restamp { version: file.version.clone(), name: file.name.clone(), was, will_be, difference })
}

fn mended(run: &Run<'_>, snapshot: &Snapshot, fix: &Fix) -> Result<Vec<String>, MigrateError> {
    let standings = snapshot.standings();
    let Some(version) = fix.version() else { return Ok(again(snapshot, fix)) };
    let Some(standing) = standings.iter().find(|it| it.version() == Some(version)) else { return Ok(Vec::new()) };
    let row = standing.row.and_then(|row| row.version.clone()).unwrap_or_else(|| version.clone());
    let name = standing.name();
    // A table of numbers has `3` where our history has the file's `0003`.
    let spellings = [Some(&row), standing.file.map(|file| &file.version).filter(|it| it.text() != row.text())];
    let forget = |version| history::forget(&snapshot.history, standing.kind(), version, &name);
    let mut sql: Vec<_> = spellings.into_iter().flatten().map(forget).collect();
    let was = if let Where::BegunAs(was) = &standing.place { Some(was) } else { None };
    for name in [Some(&name), was].into_iter().flatten() {
        for direction in [Direction::Up, Direction::Down] {
            sql.push(history::Of { kind: standing.kind(), name, direction: direction.word() }.clear(&snapshot.journal));
        }
    }
    match (fix, standing.file) {
        (Fix::Forget { .. }, _) => {
            let ghost = Migration { version: row, ..ghost(standing) };
            sql.extend(snapshot.style.delete(&snapshot.table, &ghost, previous(&standings, version)));
        }
        (Fix::Restamp { .. }, Some(file)) => {
            if row != file.version {
                sql.extend(snapshot.style.delete(&snapshot.table, &Migration { version: row, ..file.clone() }, None));
                sql.extend(snapshot.style.baseline(&snapshot.table, &[file]));
            } else {
                sql.extend(snapshot.style.restamp(&snapshot.table, &Migration { version: row, ..file.clone() }));
            }
            sql.extend(history::take(&snapshot.history, file, run.job.who)?);
        }
        (Fix::Settle { .. }, Some(file)) => {
            let spelled = Migration { version: row, ..file.clone() };
            sql.extend(snapshot.style.delete(&snapshot.table, &spelled, previous(&standings, version)));
            sql.extend(snapshot.style.baseline(&snapshot.table, &[file]));
            sql.extend(history::take(&snapshot.history, file, run.job.who)?);
        }
        (Fix::Restamp { .. } | Fix::Settle { .. }, None) | (Fix::Again { .. }, _) => {}
    }
    Ok(sql)
}

/// Nothing of a repeatable one is remembered.
fn again(snapshot: &Snapshot, fix: &Fix) -> Vec<String> {
    let Fix::Again { name } = fix else { return Vec::new() };
    let file = snapshot.directory.repeatables.iter().find(|file| file.kind == Kind::Repeatable && file.name == *name);
    let forgotten = |file: &Migration| {
        let journal = history::Of { kind: file.kind, name, direction: Direction::Up.word() };
        let ours =
            [history::forget(&snapshot.history, file.kind, &file.version, name), journal.clear(&snapshot.journal)];
        snapshot.style.delete(&snapshot.table, file, None).into_iter().chain(ours).collect()
    };
    file.map(forgotten).unwrap_or_default()
}

/// Enough of a migration to take its row out, when there is no file any more.
fn ghost(standing: &Standing<'_>) -> Migration {
    match standing.file {
        Some(file) => file.clone(),
        None => Migration::ghost(standing.version().cloned().unwrap_or_default(), standing.name()),
    }
}

impl Fix {
    /// Nothing for a repeatable one.
    fn version(&self) -> Option<&Version> {
        match self {
            Fix::Restamp { version, .. } | Fix::Forget { version, .. } | Fix::Settle { version, .. } => Some(version),
            Fix::Again { .. } => None,
        }
    }
}

/// One sentence, and the lines that differ.
impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fix::Restamp { name, was, will_be, difference, .. } => {
                write!(f, "`{name}` is taken as it is now\n  - {was}\n  + {will_be}\n{difference}")
            }
            Fix::Forget { name, .. } => write!(f, "the row of `{name}` is taken out"),
            Fix::Again { name } => {
                write!(f, "the row of `{name}`, which did not end, is taken out; the next run applies it again")
            }
            Fix::Settle { name, .. } => write!(f, "`{name}` is taken as applied wholly"),
        }
    }
}
