//! Beginning with empty databases (S1.8): what runs is stopped, what is there is kept under another name, and comes back when the
//! release fails.

use super::{
    super::{
        Here, Wish, driver,
        work::{Daemon, Did, Work},
    },
    backup::databases,
};
use crate::{
    context::Context,
    start::World,
    trouble::{of_backup, told},
    typed::typed,
    verbs::backup::{Means, job},
};
use ::backup::{BackupError, Job, Wanted, find, last_replaced, own_copies};
use ::deploy::{Emptied, course::Fact};
use config::BackupWhen;
use plan::Trouble;
use report::{Event, Finding, Journal, Outcome, count};
use tokio::time::Instant;

/// Only who names the application may take its data away.
pub(in crate::release) fn may_destroy(context: &Context, here: &Here, wish: &Wish) -> Result<(), Trouble> {
    let (name, misused) = (&here.app.name, |finding| Err(Trouble::new(Outcome::Misused, finding)));
    match &wish.yes_destroy {
        Some(named) if named == name => return Ok(()),
        Some(named) => {
            let finding = Finding::error(format!("`{named}` was named, and the data of `{name}` would be destroyed"));
            return misused(finding.hint(format!("nothing was changed; say --yes-destroy {name}")));
        }
        None => {}
    }
    let databases = here.app.backup.databases.join(", ");
    let text = format!(
        "deploy --clean: ALL DATA of `{name}` is destroyed ({databases}), after a last VERIFIED copy\nType `{name}` to go on:"
    );
    context.terminal.note(Event::new("deploy.asks", text));
    typed(name, &format!("say --yes-destroy {name}"), "that is not its name").or_else(misused)
}

/// Whoever runs would write into databases that are about to go.
pub(in crate::release) async fn stop(work: &mut Work<'_>) -> Did {
    if work.daemon == Daemon::Absent && !work.driver.is_in_place() {
        return Ok("nothing runs".to_owned());
    }
    work.prober = None;
    work.stopped = Some(Instant::now());
    work.facts.push(Fact::Switched);
    driver::stop(work).await?;
    Ok("what ran has ended".to_owned())
}

/// Runs again what ran.
pub(in crate::release) async fn start_again(work: &mut Work<'_>) -> Result<(), String> {
    if work.stopped.take().is_none() {
        return Ok(());
    }
    driver::start_again(work).await
}

/// Puts an empty database in the place of each; what was there is kept under another name.
pub(in crate::release) async fn empty(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let (mut kept, mut emptied) = (Vec::new(), 0);
    for database in databases(&world, BackupWhen::Always) {
        let means = Means::to_write(work.context, &world.app).map_err(told)?;
        let job = job(&world, database, &means);
        let copies = own_copies(&job).await.map_err(of_backup)?;
        let copy = find(&copies, &Wanted::Latest, &database.name).map_err(of_backup)?;
        // From here on it may be: undoing it finds out, also when somebody else has to.
        let last = last_replaced(&job).await.map_err(of_backup)?;
        work.record.emptied.push(Emptied::new(&database.name, last));
        work.write()?;
        kept.extend(::backup::empty(&job, &copy).await.map_err(of_backup)?);
        let done = last_replaced(&job).await.map_err(of_backup)?;
        work.record.emptied.iter_mut().last().into_iter().for_each(|it| it.done.clone_from(&done));
        work.write()?;
        emptied += 1;
        work.reach("empty.one");
    }
    work.record.head_before = None;
    let kept =
        if kept.is_empty() { String::new() } else { format!("; what was there is kept as `{}`", kept.join("`, `")) };
    Ok(format!("{} empty{kept}", count(emptied, "database")))
}

/// What was there gets its name back.
pub(in crate::release) async fn put_back(work: &mut Work<'_>) -> Result<(), String> {
    let world = work.world().map_err(|_| "its databases are not known".to_owned())?;
    names_back(&world, &work.record.emptied).await?;
    // Until then the record says what has to go back.
    work.record.emptied.clear();
    Ok(())
}

/// The same for each of these, where something was replaced indeed; answers with how many those are.
pub(in crate::release) async fn names_back(world: &World, emptied: &[Emptied]) -> Result<usize, String> {
    let (mut back, mut problems) = (0, Vec::new());
    for replaced in emptied.iter().rev() {
        let name = &replaced.database;
        let Some(database) = world.app.dependency(name) else {
            problems.push(format!("`{name}` is not configured any more"));
            continue;
        };
        let means = match Means::untold(&world.app) {
            Ok(means) => means,
            Err(error) => {
                problems.push(format!("`{name}`: {error}"));
                continue;
            }
        };
        match name_back(&job(world, database, &means), replaced).await {
            Ok(done) => back += usize::from(done),
            Err(error) => problems.push(format!("`{name}`: {error}")),
        }
    }
    if problems.is_empty() { Ok(back) } else { Err(problems.join("; ")) }
}

async fn name_back(job: &Job<'_>, replaced: &Emptied) -> Result<bool, BackupError> {
    if !replaced.is_to_be_put_back(last_replaced(job).await?.as_deref()) {
        return Ok(false);
    }
    ::backup::undo(job).await.map(|_| true)
}
