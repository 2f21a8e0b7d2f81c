//! Putting back what a restore has replaced.

use super::{
    Ledger, Restored,
    book::{Settled, Swap},
    file_name, free_name, known, name,
};
use crate::{BackupError, Job, postgres, shelf::Shelf, sqlite};
use config::Target;
use report::Event;
use tokio::time::Instant;

/// Puts back what the last restore replaced; what it made is kept under another name.
///
/// # Errors
/// There is nothing to put back, or somebody uses the database; nothing was changed, then.
pub async fn undo(job: &Job<'_>) -> Result<Restored, BackupError> {
    let begun = Instant::now();
    let nothing = || BackupError::NoCopy {
        what: format!("no restore of `{}` is known that could be undone", name(job.target)),
        hint: "what a restore replaced is kept as `NAME_before_ID` until somebody removes it".to_owned(),
    };
    let identity = known(job).await?.ok_or_else(nothing)?;
    let shelf = Shelf::open(job.to, job.app, &identity)?;
    let mut ledger = Ledger::open(job, shelf.dir()).await?;
    if let Some(why) = said_of_another(ledger.settled) {
        return Err(cut_off(&name(job.target), why));
    }
    let swap = ledger.last().cloned().ok_or_else(nothing)?;
    let undone = match put_back(job, &swap, &mut ledger).await {
        Ok(undone) => undone,
        Err(error) => {
            ledger.failed(job).await;
            return Err(error);
        }
    };
    ledger.done();
    let database = name(job.target);
    let text =
        format!("restore: undone, `{database}` is what it was before; what `{}` showed is kept as `{undone}`", swap.id);
    job.journal.note(Event::new("restore.undone", text).with("id", swap.id.to_string()));
    let took = begun.elapsed().as_secs_f64();
    Ok(Restored { id: swap.id, database, before: Some(undone), safety: None, rows: 0, took })
}

/// Answers with how the one that had the name is called now.
async fn put_back(job: &Job<'_>, swap: &Swap, ledger: &mut Ledger) -> Result<String, BackupError> {
    match job.target {
        Target::Sqlite(path) => {
            let (before, undone) = (path.with_file_name(&swap.before), free_name(path, "undone", swap.id));
            if host::fs::metadata(&before).is_err() {
                return Err(BackupError::NoDatabase { path: before });
            }
            sqlite::alone(path)?;
            ledger.about_to_undo(job.now())?;
            job.reach("restore.undoing");
            sqlite::put_back(path, &before, &undone, &|name| job.reach(name))?;
            Ok(file_name(&undone))
        }
        Target::Postgres(dsn) => {
            if !postgres::is_there(job, dsn, &swap.before).await? {
                return Err(BackupError::Unfit(format!("the database `{}` is not there any more", swap.before)));
            }
            ledger.about_to_undo(job.now())?;
            job.reach("restore.undoing");
            postgres::put_back(job, dsn, &swap.before, swap.id).await
        }
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}

/// Whoever says `--undo` means the one that was cut off, not the one before it.
fn said_of_another(settled: Settled) -> Option<&'static str> {
    match settled {
        Settled::NotDone => Some("was cut off before anything was exchanged"),
        Settled::Undone => Some("had been undone when that was cut off"),
        Settled::Nothing | Settled::Done | Settled::NotUndone => None,
    }
}

fn cut_off(name: &str, why: &str) -> BackupError {
    BackupError::NoCopy {
        what: format!("the last restore of `{name}` {why}"),
        hint: "there is nothing to undo of it; say it again to undo the one before".to_owned(),
    }
}
