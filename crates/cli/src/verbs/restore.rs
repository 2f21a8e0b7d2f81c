//! `mainstay restore`

use super::backup::{Means, all_copies, database, failed, gate, interruptible, job, watched, world};
use crate::{
    args::Restore,
    context::{Context, tell},
    start::World,
    turn::{Busy, turn},
    typed::typed,
    verbs::answer,
};
use backup::{BackupError, Copy, How, Job, Restored, Threat, Wanted, find, own_copies};
use config::{Dependency, Target};
use deploy::{Site, store::Exchange};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use report::{Event, Finding, Journal, Outcome, bytes, or_list};
use std::collections::BTreeSet;

/// Makes a database of a copy, or puts back what a restore replaced.
pub(super) async fn restore(context: &Context, args: Restore) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let database = match database(&world.app, &args.flags) {
        Ok(database) => database,
        Err(finding) => return tell(context, &[finding], Outcome::Misused),
    };
    interruptible(context, async {
        let outcome = match gate(context, &world, &server_of(database)).await {
            Ok(()) => act(context, &world, database, &args).await,
            Err(outcome) => Err(outcome),
        };
        outcome.unwrap_or_else(|outcome| outcome)
    })
    .await
}

/// The database itself may be gone: its server has to be ready.
fn server_of(database: &Dependency) -> Dependency {
    let mut server = database.clone();
    if let Target::Postgres(dsn) = &mut server.target {
        dsn.database = "postgres".to_owned();
    }
    server
}

async fn act(context: &Context, world: &World, database: &Dependency, args: &Restore) -> Result<Outcome, Outcome> {
    let means = Means::to_read(context, &world.app)?;
    let job = job(world, database, &means);
    let told = |error: BackupError| failed(context, &error);
    no_exchange_is_open(context, world, args)?;
    if args.undo {
        let name = name_of(&database.target);
        permitted(context, args, &name, || question_of_undo(&name))?;
        let _turn = turn(world, database, "mainstay restore").await.map_err(|busy| busy_with(context, &busy))?;
        no_exchange_is_open(context, world, args)?;
        return backup::undo(&job).await.map(|restored| done(context, args, &restored)).map_err(told);
    }
    let copy = chosen(context, world, &job, wanted(context, args)?).await?;
    let threat = backup::threat(&job, &copy).await.map_err(told)?;
    if let Some(foreign) = threat.foreign.as_ref().filter(|_| !args.other) {
        let finding = Finding::error(format!("the copy `{}` is of another database", copy.id));
        let finding = finding.seen(format!("it is of `{foreign}`, and `{}` would be replaced", threat.place));
        return Err(tell(
            context,
            &[finding.hint("name another copy; or say --other if that is meant")],
            Outcome::Misused,
        ));
    }
    permitted(context, args, &threat.name, || question(&threat, &copy))?;
    let _turn = turn(world, database, "mainstay restore").await.map_err(|busy| busy_with(context, &busy))?;
    // Whoever had it may have been killed in his exchange.
    no_exchange_is_open(context, world, args)?;
    let how = How { without_safety: args.no_safety_copy, ..How::default() };
    let restored = watched(context, &means.progress, backup::restore(&job, &copy, how)).await;
    restored.map(|restored| done(context, args, &restored)).map_err(told)
}

/// A rollback that was cut off in its exchange is settled first: what takes its place meanwhile would be taken back for it. Until it is
/// decided, undoing it by hand is a way out.
fn no_exchange_is_open(context: &Context, world: &World, args: &Restore) -> Result<(), Outcome> {
    let finding = match Exchange::read(&Site::of(&world.app)) {
        Ok(None) => return Ok(()),
        Ok(Some(exchange)) if args.undo && !exchange.decided => return Ok(()),
        Ok(Some(exchange)) => {
            let finding = Finding::error("a rollback that exchanges a database was cut off, and is not settled yet");
            let seen = format!("`{}` was exchanged for release {}", exchange.database.database, exchange.to);
            finding.seen(seen).hint("`mainstay up` settles it, and so does the next `mainstay deploy`; then restore")
        }
        Err(error) => Finding::error("what is known of a rollback cannot be read").because(&error),
    };
    Err(tell(context, &[finding], Outcome::NotYet))
}

fn busy_with(context: &Context, busy: &Busy) -> Outcome {
    tell(context, &[busy.finding()], busy.outcome())
}

/// The copy that is meant: of this very database; where it has none, of the only one of its name.
pub(super) async fn chosen(context: &Context, world: &World, job: &Job<'_>, wanted: Wanted) -> Result<Copy, Outcome> {
    let told = |error: BackupError| failed(context, &error);
    let (all, _) = all_copies(context, world).await.map_err(told)?;
    let name = name_of(job.target);
    let among = match &wanted {
        Wanted::Named(_) | Wanted::There(_) => all,
        Wanted::Latest | Wanted::At(_) => match own_copies(job).await {
            Ok(own) if !own.is_empty() => own,
            // Its server may be what was lost.
            Ok(_) | Err(BackupError::NoDatabase { .. } | BackupError::Refused { .. }) => {
                namesakes(context, all, &name)?
            }
            Err(error) => return Err(told(error)),
        },
    };
    find(&among, &wanted, &name).map_err(told)
}

fn wanted(context: &Context, args: &Restore) -> Result<Wanted, Outcome> {
    match (&args.at, &args.copy) {
        (Some(at), _) => moment(at).map(Wanted::At).ok_or_else(|| {
            let finding = Finding::error(format!("`{at}` is no moment"));
            let hint = "write 2026-11-24T14:30:00Z, or in UTC \"2026-11-24 14:30\" or 2026-11-24";
            tell(context, &[finding.hint(hint)], Outcome::Misused)
        }),
        (None, Some(copy)) => Ok(Wanted::parse(copy, &context.cwd)),
        (None, None) => Ok(Wanted::Latest),
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(in_utc)
}

/// After the loss of a server or a disk the database is another one, and bears the old name.
fn namesakes(context: &Context, all: Vec<Copy>, name: &str) -> Result<Vec<Copy>, Outcome> {
    let named = |copy: &Copy| copy.known().is_some_and(|manifest| manifest.source.name == name);
    let found: Vec<_> = all.into_iter().filter(named).collect();
    let databases: BTreeSet<_> = found.iter().map(|copy| copy.database.clone()).collect();
    if databases.len() > 1 {
        let finding = Finding::error(format!("copies of {} databases called `{name}` are there", databases.len()));
        let finding = finding.seen(format!("they lie in {}", or_list(&databases)));
        return Err(tell(
            context,
            &[finding.hint("name the copy: `mainstay backup list` shows them")],
            Outcome::Misused,
        ));
    }
    Ok(found)
}

fn name_of(target: &Target) -> String {
    match target {
        Target::Postgres(dsn) => dsn.database.clone(),
        Target::Sqlite(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        other => other.to_string(),
    }
}

/// Did somebody name what is replaced? On a terminal its name has to be typed; elsewhere `--yes` and the name have to be said.
fn permitted(context: &Context, args: &Restore, name: &str, question: impl FnOnce() -> String) -> Result<(), Outcome> {
    let refused = |finding: Finding| Err(tell(context, &[finding], Outcome::Misused));
    if let Some(target) = args.target.as_ref().filter(|target| *target != name) {
        let finding = Finding::error(format!("`{target}` was named as the target, and `{name}` would be replaced"));
        return refused(finding.hint("nothing was changed; check --target, --database and --only"));
    }
    match (args.yes, args.target.is_some() || args.flags.database.is_some()) {
        (true, true) => return Ok(()),
        (true, false) => {
            let finding = Finding::error("`--yes` alone does not say which database is replaced");
            return refused(finding.hint(format!("nothing was changed; say --yes --target {name}")));
        }
        (false, _) => {}
    }
    context.terminal.note(Event::new("restore.asks", question()));
    typed(name, &format!("say --yes --target {name}"), "that is not its name").or_else(refused)
}

fn question_of_undo(name: &str) -> String {
    format!("restore: puts back what the last restore of `{name}` replaced\nType `{name}` to go on:")
}

fn question(threat: &Threat, copy: &Copy) -> String {
    let mut lines = vec![match threat.exists {
        true => format!("restore: replaces `{}` on {}: {}", threat.name, threat.host, threat.place),
        false => format!("restore: makes `{}` on {}: {}", threat.name, threat.host, threat.place),
    }];
    if threat.exists {
        let last = threat.last_write.map(|time| time.strftime("%F %T UTC").to_string());
        lines.push(format!(
            "  now: {}, last written to {}",
            bytes(threat.bytes),
            last.unwrap_or_else(|| "at an unknown time".into())
        ));
    }
    if let Some(manifest) = copy.known() {
        let taken = manifest.taken.strftime("%F %T UTC");
        lines.push(format!(
            "  copy: `{}` of {taken}, {}, {} rows",
            copy.id,
            manifest.standing,
            manifest.content.rows()
        ));
    }
    lines.extend(threat.vanishes.iter().map(|what| format!("  vanishes: {what}")));
    if threat.exists {
        lines.push(format!("  what is there is kept as `{}_before_{}`", threat.name, copy.id.short()));
    }
    lines.push(format!("Type `{}` to go on:", threat.name));
    lines.join("\n")
}

/// What is now true was told by an event.
fn done(context: &Context, args: &Restore, restored: &Restored) -> Outcome {
    match args.flags.json {
        true => answer(context, &format!("{:#}", serde_json::json!(restored)), Outcome::Done),
        false => Outcome::Done,
    }
}
