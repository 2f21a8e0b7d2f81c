//! The same errors as findings: what is wrong, what was seen, what to do.

use super::{BadFile, FileFailure, MigrateError, Problem};
use crate::ledger::Conflict;
use report::Finding;
use std::{borrow::Cow, io::ErrorKind};

impl MigrateError {
    /// One finding for each thing that is wrong.
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            MigrateError::BadFiles(files) => files.iter().map(BadFile::finding).collect(),
            MigrateError::Conflicts(conflicts) => conflicts.iter().map(explain).collect(),
            other => vec![other.finding()],
        }
    }

    /// All of it as one finding.
    pub fn finding(&self) -> Finding {
        match self {
            MigrateError::BadFiles(files) => joined("these files cannot be applied", files, BadFile::finding),
            MigrateError::Conflicts(conflicts) => joined("the files and the ledger disagree", conflicts, explain),
            MigrateError::File(failure) => failure.finding(),
            other => {
                let finding = other.seen().into_iter().fold(Finding::error(other.summary()), Finding::seen);
                with_hint(finding, other.hint().as_deref())
            }
        }
    }

    /// What is wrong, without what was seen of it.
    fn summary(&self) -> String {
        match self {
            MigrateError::Refused(refusal) => format!("cannot migrate: the database is {}", refusal.state),
            MigrateError::Command { command, exit, .. } => format!("the migration command `{command}` {exit}"),
            MigrateError::PgDump { exit, .. } => format!("`pg_dump` {exit}"),
            other => other.to_string(),
        }
    }

    fn seen(&self) -> Vec<String> {
        match self {
            MigrateError::Refused(refusal) => vec![refusal.to_string()],
            MigrateError::Command { why, tail, .. } => {
                let last = (!tail.is_empty()).then(|| format!("its last lines:\n{}", tail.join("\n")));
                [why.clone()].into_iter().chain(last).collect()
            }
            MigrateError::PgDump { tail, .. } if !tail.is_empty() => vec![tail.join("\n")],
            MigrateError::NoPgDump { seen, .. } => seen.clone(),
            MigrateError::Behind { missing, .. } => missing.iter().take(5).map(|name| format!("`{name}`")).collect(),
            MigrateError::TableLocked { blocked: Some(blocked), kept, .. } => {
                let kept = kept.last().map(|last| format!("all files up to `{last}` stay applied"));
                [format!("it {blocked}")].into_iter().chain(kept).collect()
            }
            MigrateError::ForeignTable { why, .. } => why.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            MigrateError::Refused(refusal) => refusal.hint.as_deref().map(Cow::Borrowed),
            _ => self.own_hint().map(Cow::Owned).or_else(|| self.fixed_hint().map(Cow::Borrowed)),
        }
    }

    /// What to do, with names of this very error.
    fn own_hint(&self) -> Option<String> {
        Some(match self {
            MigrateError::Ambiguous { styles, .. } => {
                let styles = report::or_list(styles.iter().map(String::as_str));
                format!("say it: `style` in `[migrations]` (flag `--style`) is {styles}")
            }
            MigrateError::TableLocked { file, statements, .. } => format!(
                "end what holds the lock, or raise `lock_budget` in `[migrations]`; {}",
                match statements {
                    0 => "nothing of the file was kept, and the next run begins with it".to_owned(),
                    done => stay(*done, file),
                }
            ),
            MigrateError::CannotTell { version, back: true, .. } => format!(
                "look at the database; when all of it is undone: `mainstay migrate repair --forget {version}`; to begin undoing \
                 it anew: `mainstay migrate repair --applied {version}`"
            ),
            MigrateError::CannotTell { version, .. } => format!(
                "look at the database; when all of the file is in it: `mainstay migrate repair --applied {version}`; to begin it \
                 anew: `mainstay migrate repair --forget {version}`"
            ),
            MigrateError::InvalidIndex { name, .. } => {
                format!("DROP INDEX CONCURRENTLY {name}; the next run builds it again")
            }
            MigrateError::NoPgDump { server, .. } => format!(
                "install PostgreSQL's client programs of version {server} (Debian: `apt-get install postgresql-client-{server}`), \
                 or put the directory of a fitting `pg_dump` into PATH"
            ),
            _ => return None,
        })
    }

    /// What to do, whatever it is about.
    fn fixed_hint(&self) -> Option<&'static str> {
        Some(match self {
            MigrateError::Directory { kind: ErrorKind::NotFound, .. } => {
                "create it, or set `dir` in `[migrations]` (flag `--dir`)"
            }
            MigrateError::ForeignTable { .. } => {
                "name another table with `table` in `[migrations]` (flag `--table`), use the tool that made it as `command`, or set \
                 `search_path` to another schema; nothing was touched"
            }
            MigrateError::NoSuchTable { .. } => {
                "let your own runner apply the first file, or name the table with `table` in `[migrations]` (flag `--table`)"
            }
            MigrateError::JournalDiffers { .. } => {
                "bring that statement back as it was: the next run goes on behind it"
            }
            MigrateError::NoWayBack { .. } => {
                "write what undoes it into its down file (or section), or restore a backup"
            }
            MigrateError::Behind { .. } => {
                "run `mainstay migrate up` where migrations are applied, or look why it fails there"
            }
            MigrateError::AlreadyApplied { .. } => {
                "to run it once more: `mainstay migrate redo`, or a copy of it under another path"
            }
            MigrateError::NoSuchVersion { .. } => "look with `mainstay migrate status`",
            MigrateError::External { .. } => "use the tool's own verb for it",
            MigrateError::NoSchema { .. } => "CREATE SCHEMA, or set `search_path` for the role",
            MigrateError::Locked { holder, .. } if holder.pid.is_some() => {
                "wait until it has finished; a holder that is killed lets go by itself"
            }
            MigrateError::Locked { .. } => "another process writes to the database: find it with `fuser` on the file",
            MigrateError::Sql { error, .. } if error.ends_with("(SQLSTATE 42501)") => {
                "grant the right to the role, or come with the role that owns the schema and the tables of the ledger"
            }
            MigrateError::UnknownCommit { .. } => "look with `mainstay migrate status`, then run it again",
            MigrateError::Spawn { kind: ErrorKind::NotFound, .. } => {
                "install it, or correct `command` in `[migrations]`"
            }
            MigrateError::NoRehearsal { .. } => {
                "`--rehearse=clone` needs a role that has CREATEDB, and `pg_dump`; `--rehearse=rollback` needs files that are one \
                 transaction"
            }
            MigrateError::NoDatabase { .. } => "make it with `mainstay migrate up`, or correct the URL",
            MigrateError::NoSuchRule { .. } => {
                "correct `lint_include` or `lint_exclude` in `[migrations]`; names stand in front of what the linter tells"
            }
            MigrateError::WrongTarget { .. } => "set `database` in `[migrations]` to another one",
            _ => return None,
        })
    }
}

impl FileFailure {
    /// With the line of the file and a caret.
    pub fn finding(&self) -> Finding {
        let mut finding = Finding::error(format!("migration `{}` failed: {}", self.file, self.message));
        finding.place = self.place.clone().map(Box::new);
        finding = self.details.iter().fold(finding, |finding, detail| finding.seen(detail));
        if let Some(code) = &self.code {
            finding = finding.seen(if code.len() == 5 { format!("SQLSTATE {code}") } else { code.clone() });
        }
        with_hint(finding.seen(self.rolled_back()), self.hint.as_deref())
    }

    /// What was kept and what was not.
    pub fn rolled_back(&self) -> String {
        if self.in_part {
            return format!("what `{}` did until then is kept, and the ledger does not know of it", self.file);
        }
        let nothing = match (self.statements, self.committed) {
            (done, true) => committed(done, &self.file),
            (0, false) => format!("nothing of `{}` was kept", self.file),
            (done, false) => stay(done, &self.file),
        };
        match self.kept.as_slice() {
            [] => nothing,
            [one] => format!("{nothing}; `{one}` stays applied"),
            [rest @ .., last] if rest.len() <= 3 => {
                format!("{nothing}; {} and `{last}` stay applied", ticked(rest))
            }
            [first, .., last] => format!("{nothing}; `{first}` to `{last}` ({} files) stay applied", self.kept.len()),
        }
    }
}

/// The first statements of a file that was run in pieces.
fn stay(done: usize, file: &str) -> String {
    match done {
        1 => format!("the first statement of `{file}` is done and stays; the next run goes on behind it"),
        _ => format!("the first {done} statements of `{file}` are done and stay; the next run goes on behind them"),
    }
}

/// The statement behind the first `done` ones failed, and may have committed by itself.
fn committed(done: usize, file: &str) -> String {
    let failed = done + 1;
    format!(
        "what statement {failed} of `{file}` committed by itself before it failed stays; the next run begins it anew"
    )
}

impl BadFile {
    /// With the spot in the file, when there is one.
    pub fn finding(&self) -> Finding {
        let mut finding = Finding::error(self.to_string());
        finding.place = self.place.clone();
        finding.hint(match &self.problem {
            Problem::NoVersion => "call it `0001_what_it_does.sql`, with the next free number".to_owned(),
            Problem::SameVersion { .. } => "give one of them the next free number".to_owned(),
            Problem::TooLarge => "load data of that size with a tool of its own, not as a migration".to_owned(),
            Problem::Unreadable { kind: ErrorKind::NotFound, .. } => {
                "it is a link that leads nowhere, or it was taken away just now: bring back what it leads to, or take it out"
                    .to_owned()
            }
            Problem::Unreadable { kind: ErrorKind::PermissionDenied, .. } => {
                "let the account that migrates read it (`chmod a+r`)".to_owned()
            }
            Problem::Unreadable { .. } => "put a file in its place, or take it out".to_owned(),
            Problem::NameNotUtf8 => "rename it".to_owned(),
            Problem::NotUtf8 { .. } | Problem::Nul { .. } => "save it as UTF-8".to_owned(),
            Problem::NoUp { .. } => "take it out, or bring back the file that migrates".to_owned(),
            Problem::Gap { .. } => "bring back the missing file, or leave out `strict` in `[migrations]`".to_owned(),
            Problem::Moving => "run it again when the files are in place".to_owned(),
            Problem::Unwritten => {
                "write its SQL, or take it out; one that is to do nothing says so in a comment: `-- nothing to do`"
                    .to_owned()
            }
            Problem::Flaw { hint, .. } => hint.clone(),
            Problem::Obstacle(obstacle) => obstacle.hint().to_owned(),
        })
    }
}

/// A conflict as a finding: what disagrees, in what, and the ways out.
pub fn explain(conflict: &Conflict) -> Finding {
    let finding = Finding::error(conflict.to_string());
    let finding = conflict.seen().into_iter().fold(finding, |finding, seen| finding.seen(seen));
    finding.hint(conflict.hint())
}

/// One is shown as it is; several become one finding that has seen each.
fn joined<T>(summary: &str, items: &[T], finding: impl Fn(&T) -> Finding) -> Finding {
    if let [one] = items {
        return finding(one);
    }
    items.iter().map(finding).fold(Finding::error(summary), |whole, one| {
        let hint = one.hint.map(|hint| format!("\n{hint}")).unwrap_or_default();
        whole.seen(format!("{}{hint}", one.summary))
    })
}

fn with_hint(finding: Finding, hint: Option<&str>) -> Finding {
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

fn ticked(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
