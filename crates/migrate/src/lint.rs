//! Looking at files before they are applied: what would hold up a table that is in use, what would break its users, what cannot
//! work. The rules are squawk's and a few of our own; how much a finding weighs depends on how big the table is on the server.
//!
//! Nothing is written, no lock is taken, and a database that does not answer holds nothing up: it is asked once, shortly, and
//! what could not be looked at is said to be so.

mod before;
mod files;
mod hit;
mod judge;
mod look;
mod own;
mod rules;
mod size;
mod squawk;
mod told;

pub use size::TableSize;
pub use told::{Linted, Told};

pub(crate) use before::before_up;

use crate::{
    MigrateError,
    engine::Engine,
    job::{Job, Run},
    sql::Name,
};
use config::Target;
use files::Chosen;
use look::{File, Looked};
use rules::Rules;
use std::path::PathBuf;
use told::Absence;

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which files.
    pub which: Which,
    /// The major version of PostgreSQL that it is for; nothing for the server's own, and the newest when there is none.
    pub version: Option<u32>,
}

/// Which files are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that `up` would apply.
    Pending,
    /// Every one of the directory.
    All,
    /// These, of the directory or not. Absolute.
    Files(Vec<PathBuf>),
}

/// Looks at the files.
///
/// # Errors
/// Why the files cannot be read, or a rule in the configuration that is not known. A database that cannot be asked is no error:
/// the answer says what was not looked at for that reason.
pub async fn lint(job: &Job<'_>, question: &Question) -> Result<Linted, MigrateError> {
    let rules = rules(job)?;
    if question.version.is_none() && !matches!(job.target, Target::Postgres(_)) {
        return Ok(Linted::unverified(format!(
            "the rules are for PostgreSQL, and the database is {}",
            job.target.kind()
        )));
    }
    let target = files::hurried(job.target);
    let hurried = Job { target: &target, ..*job };
    let run = Run::new(&hurried);
    let guessed = question.which == Which::Pending;
    let Chosen { files, engine, absent: why } = files::chosen(&run, &question.which).await?;
    let Some(mut engine) = engine else {
        let version = question.version.unwrap_or(squawk::NEWEST);
        let looked = files.into_iter().map(|file| Looked::into(file, &rules, version)).collect();
        return Ok(told::linted(version, &rules, looked, Err(Absence { why, guessed })));
    };
    let (version, looked, sizes) = look(&mut engine, files, &rules, question.version).await;
    // Everything that was wanted is known by now.
    let _ = engine.close(&run).await;
    Ok(told::linted(version, &rules, looked, sizes.map_err(|why| Absence { why, guessed: false })))
}

/// Looks into the files, and at the sizes of their tables, or tells why those cannot be had.
async fn look(
    engine: &mut Engine,
    files: Vec<File>,
    rules: &Rules,
    wanted: Option<u32>,
) -> (u32, Vec<Looked>, Result<size::Sizes, String>) {
    let server = version(engine).await;
    let version = wanted.or(server.as_ref().ok().copied()).unwrap_or(squawk::NEWEST);
    let looked: Vec<_> = files.into_iter().map(|file| Looked::into(file, rules, version)).collect();
    let sizes = match server {
        Ok(_) => sizes(engine, &names(&looked)).await,
        Err(error) => Err(error),
    };
    (version, looked, sizes.map_err(|error| error.to_string()))
}

fn rules(job: &Job<'_>) -> Result<Rules, MigrateError> {
    let migrations = job.migrations;
    Rules::new(&migrations.lint_include, &migrations.lint_exclude).map_err(|name| MigrateError::NoSuchRule { name })
}

async fn version(engine: &mut Engine) -> Result<u32, MigrateError> {
    let sql = "SELECT pg_catalog.current_setting('server_version_num')";
    let rows = engine.ask("read the server's version", sql.to_owned()).await?;
    let number = rows.first().and_then(|cells| cells.first().cloned().flatten()?.parse::<u32>().ok());
    Ok(number.map_or(squawk::NEWEST, |number| number / 10_000))
}

/// The tables that the files are about, each once.
fn names(looked: &[Looked]) -> Vec<Name> {
    let mut names: Vec<_> = looked.iter().flat_map(Looked::statements).flat_map(|it| &it.tables).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

async fn sizes(engine: &mut Engine, names: &[Name]) -> Result<size::Sizes, MigrateError> {
    if names.is_empty() {
        return Ok(size::Sizes::new());
    }
    let rows = engine.ask("read the sizes of tables", size::question(names)).await?;
    Ok(size::answer(names, &rows))
}

#[cfg(test)]
mod tests;
