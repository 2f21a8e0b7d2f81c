//! What can be told before anything is done: is the data directory fit to keep data in (S2.2), can the commands be run?

use config::{App, Dependency, MigrationSource, OnFailure, Target};
use host::{
    fs::{DirFacts, check_dir, create_dir_all_private},
    process::find_program,
};
use report::{Finding, bytes};
use std::{io, path::Path};

/// Below this much room a warning is due: a database that finds none stops.
const LITTLE_ROOM: u64 = 64 << 20;
/// Nobody else reads what is below.
const MODE: u32 = 0o700;

/// Are the programs of all services there, and that of the migrations? All that are not are told at once, before the
/// database has been changed for an application that cannot run.
pub(crate) fn programs(app: &App) -> Result<(), Vec<Finding>> {
    let needed = app.migrations.iter().filter(|it| it.on_failure == OnFailure::Stop);
    let migrations = needed.filter_map(|migrations| match &migrations.source {
        MigrationSource::Command(argv) => Some(("the migrations".to_owned(), argv, app.env.clone(), &app.root)),
        MigrationSource::Directory(_) => None,
    });
    let services = app.services.iter().map(|service| {
        let env = app.env.iter().chain(&service.env).map(|(name, value)| (name.clone(), value.clone())).collect();
        (format!("`{}`", service.name), &service.argv, env, &service.cwd)
    });
    let jobs = app.jobs.iter().filter(|_| app.jobs_are_off().is_none()).map(|job| {
        let env = app.env.iter().chain(&job.env).map(|(name, value)| (name.clone(), value.clone())).collect();
        (format!("`{}`", job.name), &job.argv, env, &job.cwd)
    });
    let missing: Vec<_> = migrations
        .chain(services)
        .chain(jobs)
        .filter_map(|(of, argv, env, cwd)| {
            let error = find_program(&argv[0], &env, cwd).err()?;
            let finding = Finding::error(format!("the command of {of} cannot be run")).because(&error);
            Some(finding.hint("check its name, its x permission, the working directory and `PATH`"))
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

/// Looks at the data directory, and makes it when it lies below the application's own; answers with what is now true.
///
/// One that lies elsewhere is never made: when it is missing, so is its volume, and data written to the empty mount point
/// would be lost behind it.
pub(crate) fn data_directory(app: &App) -> Result<String, Finding> {
    let path = &app.data;
    if will_be_made(app, &check_dir(path)) {
        make(path)?;
    }
    let facts = check_dir(path);
    judge(path, &facts)?;
    make(&app.run_dir())?;
    let full = facts.writable.is_err();
    let how = if full { ", and its disk is full: what is to be written waits for room" } else { " and writable" };
    Ok(format!("`{}` is there{how}", path.display()))
}

/// Makes the data directory for whoever keeps nothing else in it, when an SQLite database lies there.
pub(crate) fn home_of_databases(app: &App) -> Result<(), Finding> {
    let inside = |it: &Dependency| matches!(&it.target, Target::Sqlite(file) if file.starts_with(&app.data));
    match app.dependencies.iter().any(inside) && will_be_made(app, &check_dir(&app.data)) {
        true => make(&app.data),
        false => Ok(()),
    }
}

fn make(path: &Path) -> Result<(), Finding> {
    create_dir_all_private(path, MODE).map_err(|error| unmade(path, &error))
}

/// Could the missing directory be made? A file is written to the nearest one above it that is there, and removed.
pub(crate) fn can_be_made(path: &Path) -> Result<(), Finding> {
    if path.is_symlink() {
        return Err(unmade(path, &io::ErrorKind::AlreadyExists.into()));
    }
    let above = path.ancestors().skip(1).map(check_dir).find(|facts| facts.exists);
    match above.map(|facts| facts.writable) {
        Some(Err(error)) => Err(unmade(path, &error)),
        Some(Ok(())) | None => Ok(()),
    }
}

fn unmade(path: &Path, error: &io::Error) -> Finding {
    let finding = unfit(path, "cannot be made").because(error);
    // Something is there and is not: a link whose target is missing.
    if path.is_symlink() {
        return finding.seen("it is a link to something that is not there").hint("is the volume it leads to mounted?");
    }
    let usual = "make it, and let our user write to it; or choose another one: `data`, MAINSTAY_DATA";
    finding.hint(no_room(error).unwrap_or(usual))
}

fn no_room(error: &io::Error) -> Option<&'static str> {
    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    full.then_some("make room, or choose another disk: `data`, MAINSTAY_DATA")
}

/// Is it missing, and ours to make?
pub(crate) fn will_be_made(app: &App, facts: &DirFacts) -> bool {
    !facts.exists && app.data.starts_with(&app.root)
}

/// Is it there, a directory, on a writable mount, and really writable, if there is room?
pub(crate) fn judge(path: &Path, facts: &DirFacts) -> Result<(), Finding> {
    if !facts.exists {
        return Err(unfit(path, "is not there").hint("is its volume mounted? Otherwise make it, or change `data`"));
    }
    if !facts.is_dir {
        return Err(unfit(path, "is not a directory").hint("change `data`"));
    }
    if let Some(mount) = &facts.read_only_mount {
        let seen = format!("the file system at `{}` is mounted read-only", mount.display());
        return Err(unfit(path, "cannot be written to").seen(seen).hint("mount it read-write, or change `data`"));
    }
    // A full disk is no reason to leave an application down: what has to be written waits for room.
    if let Err(error) = &facts.writable
        && no_room(error).is_none()
    {
        let owner = facts.owner.map_or_else(|| "nobody known".to_owned(), |uid| format!("user {uid}"));
        let finding = unfit(path, "cannot be written to").because(error);
        let finding = finding.seen(format!("it belongs to {owner}, and we are user {}", facts.our_uid));
        return Err(finding.hint(format!("run as its owner, or `chown {} {}`", facts.our_uid, path.display())));
    }
    Ok(())
}

/// A warning when there is little room left.
pub(crate) fn room(path: &Path, facts: &DirFacts) -> Option<Finding> {
    let free = facts.free_bytes.filter(|free| *free < LITTLE_ROOM)?;
    Some(
        Finding::warning(format!("only {} are left on the disk of `{}`", bytes(free), path.display()))
            .hint("make room before the database finds none"),
    )
}

fn unfit(path: &Path, why: &str) -> Finding {
    Finding::error(format!("the data directory `{}` {why}", path.display()))
}
