//! `mainstay backup`: one file for each of its verbs, and what they share.

mod key;
mod list;
mod now;
mod prune;
mod shown;
mod vacuum;
mod verify;
mod watched;

pub(super) use shown::{Shown, listed};
pub(super) use watched::watched;

use crate::{
    args::{Backup, Backups, Place},
    context::{Context, tell},
    load::{FILE_NAME, Need, Reading, load, named_by_variable},
    start::World,
};
use backup::{BackupError, Copy, Everywhere, Job, Keys, Parallel, Progress, everywhere, retain::Policy};
use config::{App, Dependency, Overrides};
use host::signals::Signals;
use probe::gate::GateError;
use report::{Finding, Outcome, Severity, or_list};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// How we call ourselves in `pg_stat_activity`.
const SESSION: &str = "mainstay backup";

/// Does what was typed.
pub(super) async fn backup(context: &Context, verb: Backup) -> Outcome {
    match verb {
        Backup::Now(args) => interruptible(context, now::now(context, args)).await,
        Backup::List(args) => interruptible(context, list::list(context, args)).await,
        Backup::Verify(args) => interruptible(context, verify::verify(context, args)).await,
        Backup::Prune(args) => interruptible(context, prune::prune(context, args)).await,
        Backup::Vacuum(args) => interruptible(context, vacuum::vacuum(context, args)).await,
        Backup::Key(verb) => interruptible(context, key::key(context, verb)).await,
    }
}

/// A signal ends it; what was begun is cleared away.
pub(super) async fn interruptible(context: &Context, act: impl Future<Output = Outcome>) -> Outcome {
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return tell(context, &[Finding::error("no signals").because(&error)], Outcome::Failed),
    };
    tokio::select! {
        outcome = act => outcome,
        _ = signals.next() => Outcome::Interrupted,
    }
}

/// The world that the flags describe.
pub(super) fn world(context: &Context, flags: &Backups, keep: Option<String>) -> Result<Arc<World>, Outcome> {
    world_with(context, flags, Overrides { backup_keep: keep, ..Overrides::default() })
}

/// The same with more flags.
fn world_with(context: &Context, flags: &Backups, more: Overrides) -> Result<Arc<World>, Outcome> {
    let (place, overrides) = place_and_flags(context, flags, more);
    match load(context, &place, overrides, Need::Anything, Reading::Lenient) {
        Ok(loaded) => Ok(World::new(context, loaded.app)),
        Err(findings) => Err(tell(context, &findings, Outcome::Misused)),
    }
}

/// `--database` alone means: no file, unless one is named.
fn place_and_flags(context: &Context, flags: &Backups, more: Overrides) -> (Place, Overrides) {
    let named = flags.dir.is_some() || flags.config.is_some() || named_by_variable(context);
    let place = match flags.database.is_some() && !named {
        true => Place::nowhere(),
        false => Place { dir: flags.dir.clone(), config: flags.config.clone(), nowhere: false },
    };
    let overrides = Overrides {
        databases: flags.database.iter().cloned().collect(),
        backup_to: places(context, &flags.to),
        backup_keep: more.backup_keep,
        backup_recipients: more.backup_recipients,
        name: more.name,
        data: more.data,
        env_files: more.env_files,
        backup_identity: flags.identity.as_ref().map(|file| context.cwd.join(file).display().to_string()),
        ..super::patience(flags.patience.clone())
    };
    (place, overrides)
}

/// A line for each; directories as seen from where the command was typed.
fn places(context: &Context, to: &[String]) -> Option<String> {
    let one = |to: &String| match to.contains("://") {
        true => to.clone(),
        false => context.cwd.join(to).display().to_string(),
    };
    (!to.is_empty()).then(|| to.iter().map(one).collect::<Vec<_>>().join("\n"))
}

/// All copies of the application, wherever they lie. A place that cannot be looked at is told; the others have to do.
pub(super) async fn all_copies(context: &Context, world: &World) -> Result<(Vec<Copy>, Outcome), BackupError> {
    let Everywhere { copies, unseen } = everywhere(&world.app.backup.to, &world.app.name, &world.remotes).await?;
    let mut outcome = Outcome::Done;
    for error in unseen {
        let finding = Finding { severity: Severity::Warning, ..error.finding() };
        outcome = tell(context, &[finding], Outcome::Degraded);
    }
    Ok((copies, outcome))
}

/// The databases that are meant.
pub(super) fn databases<'a>(app: &'a App, flags: &Backups) -> Result<Vec<&'a Dependency>, Finding> {
    let all: Vec<_> = app.backup.databases.iter().filter_map(|name| app.dependency(name)).collect();
    let chosen: Vec<_> =
        all.iter().copied().filter(|it| flags.only.as_ref().is_none_or(|only| *only == it.name)).collect();
    match (&flags.only, chosen.is_empty()) {
        (_, false) => Ok(chosen),
        (Some(only), true) => {
            let known = or_list(all.iter().map(|it| &it.name));
            Err(Finding::error(format!("there is no database `{only}` that is copied")).hint(match all.is_empty() {
                true => format!("declare it in `[databases]` of {FILE_NAME}"),
                false => format!("there is {known}"),
            }))
        }
        (None, true) => Err(Finding::error("there is no database to copy")
            .hint(format!("say --database URL, set DATABASE_URL, or write `[databases]` into {FILE_NAME}"))),
    }
}

/// The one database that is meant.
pub(super) fn database<'a>(app: &'a App, flags: &Backups) -> Result<&'a Dependency, Finding> {
    match databases(app, flags)?[..] {
        [one] => Ok(one),
        ref several => Err(Finding::error("there are several databases, and one has to be chosen")
            .hint(format!("say --only {}", or_list(several.iter().map(|it| &it.name))))),
    }
}

/// What is done to `database`.
pub(crate) fn job<'a>(world: &'a World, database: &'a Dependency, means: &'a Means) -> Job<'a> {
    let app = &world.app;
    Job {
        app: &app.name,
        target: &database.target,
        to: &app.backup.to,
        remotes: &world.remotes,
        stays: app.backup.stays,
        keys: &means.keys,
        ground: &means.ground,
        templates: means.templates.as_deref(),
        programs: app.backup.programs.as_deref(),
        parallel: Parallel { above: app.backup.parallel_above, jobs: jobs(app) },
        stall: app.backup.stall,
        root: &app.root,
        env: &app.env,
        spawner: &*world.spawner,
        journal: &*world.journal,
        clock: &*world.clock,
        session_name: SESSION,
        release: world.who.release.as_deref(),
        progress: &means.progress,
    }
}

/// Half of the machine is for those whose database it is.
fn jobs(app: &App) -> u32 {
    const MOST: usize = 8;
    let half = || std::thread::available_parallelism().map_or(1, |all| all.get() / 2).clamp(1, MOST);
    app.backup.jobs.unwrap_or_else(|| u32::try_from(half()).unwrap_or(1))
}

/// What copies are made and read with.
pub(crate) struct Means {
    ground: PathBuf,
    templates: Option<PathBuf>,
    keys: Keys,
    pub(super) progress: Progress,
}

impl Means {
    /// To take copies, or to remove some: for that nobody needs a secret key.
    pub(crate) fn to_write(context: &Context, app: &App) -> Result<Self, Outcome> {
        Self::untold(app).map_err(|error| failed(context, &error))
    }

    /// The same for who tells himself why that does not work.
    pub(crate) fn untold(app: &App) -> Result<Self, BackupError> {
        let keys = Keys::for_recipients(&app.backup.recipients)?;
        Ok(Self { ground: ground(app), templates: templates(app), keys, progress: Progress::default() })
    }

    /// To read them as well: with the secret keys that are there.
    pub(crate) fn to_read(context: &Context, app: &App) -> Result<Self, Outcome> {
        let means = Self::to_write(context, app)?;
        match &app.backup.identity {
            Some(file) => Ok(Self { keys: with_identities(context, means.keys, file)?, ..means }),
            None => Ok(means),
        }
    }
}

/// A file with keys is never larger.
const LARGEST_KEYS: u64 = 64 << 10;

pub(super) fn with_identities(context: &Context, keys: Keys, file: &Path) -> Result<Keys, Outcome> {
    let unreadable = |error: std::io::Error| {
        let finding = Finding::error("the file with the secret keys cannot be read").because(&error);
        tell(context, &[finding.hint("--identity, or `identity` in `[backup.encrypt]`, names it")], Outcome::Misused)
    };
    let text = host::fs::read_to_string(file, LARGEST_KEYS).map_err(unreadable)?;
    if host::fs::metadata(file).is_ok_and(|facts| facts.mode & 0o077 != 0) {
        let warning = Finding::warning(format!("`{}` holds secret keys and is open to others", file.display()));
        context.terminal.finding(&warning.hint(format!("chmod 600 {}", file.display())));
    }
    keys.with_identities(&text, &file.display().to_string()).map_err(|error| failed(context, &error))
}

/// Where databases are made for a proof.
fn ground(app: &App) -> PathBuf {
    let temporary = || app.env.get("TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    app.backup.ground.clone().or_else(temporary).unwrap_or_else(|| PathBuf::from("/var/tmp"))
}

/// Where servers for a proof are kept unused: among our data, else where programs keep what they can make again.
fn templates(app: &App) -> Option<PathBuf> {
    if app.keeps_data {
        return Some(app.templates_dir());
    }
    let named = |name: &str| app.env.get(name).filter(|dir| dir.starts_with('/')).map(PathBuf::from);
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(cache.join("mainstay"))
}

/// Which copies are kept.
pub(super) fn policy(app: &App) -> Policy {
    let backup = &app.backup;
    Policy {
        last: backup.keep,
        daily: backup.daily,
        weekly: backup.weekly,
        monthly: backup.monthly,
        yearly: backup.yearly,
        min_keep: backup.min_keep,
        zone: backup.zone.clone(),
    }
}

/// Waits until the database is ready.
pub(crate) async fn gate(context: &Context, world: &World, database: &Dependency) -> Result<(), Outcome> {
    // A file that is not there is no reason to make one.
    if let config::Target::Sqlite(_) = database.target {
        return Ok(());
    }
    let waited = probe::gate::wait(database, &world.probes, &*context.terminal).await;
    let told = |error: GateError| tell(context, &[Finding::from(&error)], error.outcome());
    waited.map(drop).map_err(told)
}

/// Tells why something could not be done.
pub(super) fn failed(context: &Context, error: &BackupError) -> Outcome {
    tell(context, &[error.finding()], error.outcome())
}
