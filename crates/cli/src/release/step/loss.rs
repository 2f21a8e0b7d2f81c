//! Which copy a rollback may put in the place of the database, what is lost by it, and the leave of whoever asks for it.

use super::{
    super::{Back, Here},
    backup::pin_of,
    exchange::{Replacement, dependency},
};
use crate::{
    context::Context,
    load::load_release,
    start::{World, leads_to_same},
    trouble::{of_backup, told},
    typed::typed,
    verbs::backup::{Means, gate, job},
};
use ::backup::{Copy, Lost, Threat, lost, own_copies, threat};
use ::deploy::{Record, ReleaseId};
use plan::Trouble;
use report::{Event, Finding, Journal, Outcome, age, bytes};
use std::{sync::Arc, time::Duration};

/// So long rows are counted; what takes longer is called unknown.
const LIMIT: Duration = Duration::from_secs(30);

/// The copy from before, once it was shown what it costs and somebody has named the database.
pub(super) async fn accepted(
    context: &Context,
    here: &Here,
    records: &[Record],
    record: &Record,
    current: Option<ReleaseId>,
    back: &Back,
) -> Result<Replacement, Trouble> {
    let world = world_of(context, here, record.id)?;
    mainstay_runs_it(&world)?;
    let name = database_of(&world, record)?;
    let database = dependency(&world, &name)?;
    if let Some(current) = current.filter(|current| *current != record.id) {
        let now = world_of(context, here, current)?;
        if now.app.dependency(&name).is_some_and(|now| !leads_to_same(&now.target, &database.target)) {
            return Err(misused(
                Finding::error(format!("release {} has another database `{name}`", record.id))
                    .hint("`mainstay restore` puts a copy where you say; then roll back with --keep-schema"),
            ));
        }
    }
    gate(context, &world, database).await.map_err(told)?;
    let means = Means::to_read(context, &world.app).map_err(told)?;
    let job = job(&world, database, &means);
    let copies = own_copies(&job).await.map_err(of_backup)?;
    let copy = from_before(&copies, records, record).ok_or_else(|| misused(no_copy(record)))?;
    let threat = threat(&job, &copy).await.map_err(of_backup)?;
    let lost = lost(&job, &copy, LIMIT).await.map_err(of_backup)?;
    permitted(context, back, &threat.name, &question(context, record, &threat, &lost, &copy))?;
    Ok(Replacement::new(&name, copy))
}

/// With a copy what runs has to end and begin in the middle, which only mainstay's own services do for us.
fn mainstay_runs_it(world: &World) -> Result<(), Trouble> {
    match world.app.deploy.as_ref().is_some_and(|deploy| deploy.driver.is_in_place()) {
        false => Ok(()),
        true => {
            let finding = Finding::error(
                "`--restore` is there for services that mainstay runs itself, not for those of systemd or Compose",
            );
            Err(misused(finding.hint("stop them, `mainstay restore`, then `mainstay rollback --keep-schema`")))
        }
    }
}

/// The application of a release.
pub(super) fn world_of(context: &Context, here: &Here, id: ReleaseId) -> Result<Arc<World>, Trouble> {
    let loaded = load_release(context, &here.app, &id);
    let loaded = loaded.map_err(|findings| Trouble { outcome: Outcome::Misused, findings })?;
    Ok(World::new(context, loaded.app))
}

/// The one whose schema stands in the way.
fn database_of(world: &World, record: &Record) -> Result<String, Trouble> {
    let migrations = world.app.migrations.as_ref().map(|migrations| migrations.database.clone());
    migrations.ok_or_else(|| {
        let finding = Finding::error(format!("release {} has no migrations", record.id));
        misused(finding.hint("`mainstay rollback` without --restore leaves the databases as they are"))
    })
}

/// The newest VERIFIED one that was taken when the schema was that of the release: before the migrations of a later one.
fn from_before(copies: &[Copy], records: &[Record], record: &Record) -> Option<Copy> {
    let later = records.iter().rev().filter(|it| it.id > record.id && it.head_before == record.head_after);
    let of = |later: &Record| {
        let pin = pin_of(later.id);
        let named = |copy: &&Copy| {
            let pinned = copy.known().is_some_and(|manifest| manifest.pin.as_ref() == Some(&pin));
            pinned || later.backup.as_ref() == Some(&copy.id.to_string())
        };
        let verified = |copy: &&Copy| copy.known().is_some_and(::backup::Manifest::is_verified);
        copies.iter().filter(verified).find(named).cloned()
    };
    later.into_iter().find_map(of)
}

fn no_copy(record: &Record) -> Finding {
    Finding::error(format!("no VERIFIED copy with the schema of release {} is there", record.id))
        .seen("none of the releases after it has taken one before its migrations, or it is gone")
        .hint("`mainstay backup list` shows all copies, and `mainstay restore` takes any of them; or deploy forward")
}

pub(super) fn misused(finding: Finding) -> Trouble {
    Trouble::new(Outcome::Misused, finding)
}

fn question(context: &Context, record: &Record, threat: &Threat, lost: &[Lost], copy: &Copy) -> String {
    let last = threat.last_write.map_or("at an unknown time".to_owned(), |time| time.strftime("%F %T UTC").to_string());
    let taken = copy.known().map_or(copy.id.time(), |manifest| manifest.taken);
    let since = age(Duration::try_from(context.now() - taken).unwrap_or_default());
    let mut lines = vec![
        format!("rollback: release {} comes back with the database from before", record.id),
        format!("  replaces: `{}` on {}: {}", threat.name, threat.host, threat.place),
        format!("  now: {}, last written to {last}", bytes(threat.bytes)),
        format!("  copy: `{}`, VERIFIED, of {}, {since} ago", copy.id, taken.strftime("%F %T UTC")),
    ];
    lines.extend(lost.iter().map(|it| format!("  lost: {it}")));
    if lost.is_empty() {
        lines.push("  lost: nothing; all tables are what they were then".to_owned());
    }
    lines.push(format!(
        "  what is there is kept as `{}_before_{}`; `mainstay restore --undo` puts it back",
        threat.name,
        copy.id.short()
    ));
    lines.push(format!("  nobody is served between the end of the running release and the start of {}", record.id));
    lines.join("\n")
}

/// What it costs is told also to whoever need not be asked.
fn permitted(context: &Context, back: &Back, name: &str, cost: &str) -> Result<(), Trouble> {
    let tell = |text: String| context.terminal.note(Event::new("rollback.asks", text));
    match &back.yes_restore {
        Some(named) if named == name => {
            tell(cost.to_owned());
            return Ok(());
        }
        Some(named) => {
            let finding = Finding::error(format!("`{named}` was named, and `{name}` would be replaced"));
            return Err(misused(finding.hint(format!("nothing was changed; say --yes-restore {name}"))));
        }
        None => {}
    }
    tell(format!("{cost}\nType `{name}` to go on:"));
    typed(name, &format!("say --yes-restore {name}"), "that is not its name").map_err(misused)
}
