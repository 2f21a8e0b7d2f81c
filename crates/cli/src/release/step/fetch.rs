//! The files of the commit.

use super::super::{
    driver,
    work::{Daemon, Did, Work, failed},
};
use crate::load::freeze_env;
use ::deploy::{
    ReleaseId, State,
    git::{Git, GitError},
    store,
};
use plan::Trouble;
use report::Outcome;

/// Finds the commit, and checks it out into a directory of its own, with the variables and the shared paths of the site.
pub(in crate::release) async fn fetch(work: &mut Work<'_>) -> Did {
    work.write()?;
    let here = work.here;
    let git = Git::new(&*work.context.spawner, &work.context.env);
    let source = git.source(&here.site, &here.deploy, &here.app.root).await.map_err(trouble)?;
    git.fetch(&source).await.map_err(trouble)?;
    let commit = git.resolve(&source, &work.record.reference).await.map_err(trouble)?;
    work.record.file = source.file.clone();
    work.record.commit = commit.id.clone();
    work.record.subject = commit.subject.clone();
    work.record.author = commit.author.clone();
    work.write()?;
    let what = format!("{} {}", work.record.short_commit(), work.record.subject);
    if is_live(work) {
        work.is_enough = true;
        return Ok(what);
    }
    work.reach("fetch.found");
    git.check_out(&source, &here.site, work.record.id, &commit).await.map_err(trouble)?;
    let misused = |findings| Trouble { outcome: Outcome::Misused, findings };
    freeze_env(work.context, &here.place, &here.app, &work.record).map_err(misused)?;
    Ok(what)
}

/// The release that runs is of this very commit, and nobody wants it anew.
fn is_live(work: &Work<'_>) -> bool {
    let live = work.before.filter(|_| work.daemon == Daemon::Running && !work.wish.rebuild);
    let live = live.and_then(|id| store::read(&work.here.site, id).ok());
    live.is_some_and(|live| live.commit == work.record.commit && live.state == State::Confirmed)
}

fn trouble(error: GitError) -> Trouble {
    use GitError::{BadReference, Empty, NoRepository, Unknown};
    let misused = matches!(error, Unknown { .. } | BadReference { .. } | Empty { .. } | NoRepository { .. });
    Trouble { outcome: if misused { Outcome::Misused } else { Outcome::Failed }, ..failed(error.finding()) }
}

/// They go again, and its variables with them; the record and what the build has said stay.
pub(in crate::release) async fn remove_tree(work: &mut Work<'_>) -> Result<(), String> {
    let site = &work.here.site;
    host::fs::remove_tree(&site.tree(work.record.id)).map_err(|error| error.to_string())?;
    match host::fs::remove(&site.env(work.record.id)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.to_string()),
        _ => {}
    }
    forget(work, &[work.record.id]).await;
    Ok(())
}

/// Git may let their commits go. That it cannot be told keeps nothing from going on.
pub(super) async fn forget(work: &Work<'_>, ids: &[ReleaseId]) {
    driver::forget(work, ids).await;
    let git = Git::new(&*work.context.spawner, &work.context.env);
    if let Ok(source) = git.source(&work.here.site, &work.here.deploy, &work.here.app.root).await {
        let _ = git.forget(&source, ids).await;
    }
}
