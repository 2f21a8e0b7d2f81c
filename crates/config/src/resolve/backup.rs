//! Copies of the databases.

mod places;

use super::schedule;
use crate::{
    Access, Backup, Dependency, Job, Overlap, Rhythm, Stop, Target,
    age::check_recipient,
    file::{Origin, Table, Written},
    suggest::did_you_mean,
};
use report::{Finding, or_list};
use retry::Backoff;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// The job that takes scheduled copies.
const JOB: &str = "backup";

/// What takes scheduled copies. Whoever starts it knows where the program is, and which file it is to read.
pub const BACKUP_COMMAND: [&str; 4] = ["mainstay", "backup", "now", "--scheduled"];

/// The job that vacuums, and what it runs.
const VACUUM: &str = "vacuum";
/// What vacuums SQLite databases when that is due, like [`BACKUP_COMMAND`].
pub const VACUUM_COMMAND: [&str; 3] = ["mainstay", "backup", "vacuum"];

/// The section `[backup]`.
pub(super) fn read(root: &Table<'_>, dependencies: &[Dependency], data: &Path) -> Backup {
    let table = root.table("backup");
    let flags = &root.context.sources.flags;
    let keep = table.setting("keep").flag("--keep", &flags.backup_keep);
    let path = |name| table.setting(name).text().map(|path| root.context.sources.root.join(path));
    let whole = |name| table.setting(name).whole().unwrap_or_default();
    let places::Places { to, stays, s3 } = places::read(&table, data);
    Backup {
        to,
        stays,
        s3,
        databases: databases(&table, dependencies),
        rhythm: rhythm(&table, "schedule"),
        prunes: root.context.sources.file.is_some() || keep.given().is_some(),
        keep: keep.count().unwrap_or(10),
        daily: whole("daily"),
        weekly: whole("weekly"),
        monthly: whole("monthly"),
        yearly: whole("yearly"),
        min_keep: table.setting("min_keep").count().unwrap_or(2),
        zone: schedule::zone(&table),
        recipients: recipients(&table),
        identity: identity(&table),
        ground: path("ground"),
        programs: path("programs"),
        parallel_above: table.setting("parallel_above").size((0, "0")).unwrap_or(10 << 30),
        jobs: table.setting("jobs").count(),
        stall: table.setting("stall").pause().unwrap_or(Duration::from_secs(600)),
        stale: table.setting("stale").pause(),
    }
}

/// Whoever asks for encryption gets it, or is told why not.
fn recipients(table: &Table<'_>) -> Vec<String> {
    let (context, flags) = (table.context, &table.context.sources.flags);
    let encrypt = table.table("encrypt");
    let setting = encrypt.setting("recipients");
    let by_flag = flags.backup_recipients.iter();
    let by_flag: Vec<_> =
        by_flag.map(|text| Written { text: text.clone(), origin: Origin::Flag("--recipient") }).collect();
    let written = if by_flag.is_empty() { setting.texts() } else { by_flag };
    for wrong in &written {
        if let Err(why) = check_recipient(&wrong.text) {
            let finding = context.error(&wrong.origin, why);
            context.problem(finding.hint("`mainstay backup key new FILE` makes a key, and prints the public one"));
        }
    }
    if written.is_empty() && encrypt.is_written() && encrypt.setting("identity").given().is_none() {
        let finding = Finding::error("`[backup.encrypt]` names no recipients, so nothing would be encrypted");
        setting.missing(finding.hint("write `recipients = [\"age1…\"]`; or take the section out"));
    }
    let mut recipients: Vec<String> = written.into_iter().map(|it| it.text).collect();
    recipients.sort();
    recipients.dedup();
    if let [only] = &recipients[..] {
        let warning =
            Finding::warning(format!("copies are encrypted for `{only}` alone: with its secret key they are lost"));
        context.warn(warning.hint("name a second public key, whose secret one is kept elsewhere"));
    }
    recipients
}

fn identity(table: &Table<'_>) -> Option<PathBuf> {
    let sources = table.context.sources;
    let setting = table.table("encrypt");
    let setting = setting.setting("identity").flag("--identity", &sources.flags.backup_identity);
    setting.text().map(|path| sources.root.join(path))
}

fn rhythm(table: &Table<'_>, key: &'static str) -> Rhythm {
    let setting = table.setting(key);
    let wanted = table.is_written() || setting.given().is_some();
    match setting.written().filter(|_| wanted) {
        Some(written) if !schedule::is_off(&written) => {
            let cron = schedule::by_cron(&setting, &written);
            cron.map_or(Rhythm::Off, |cron| Rhythm::Cron { cron, zone: schedule::zone(table) })
        }
        _ => Rhythm::Off,
    }
}

fn can_be_copied(dependency: &Dependency) -> bool {
    matches!(dependency.target, Target::Postgres(_) | Target::Sqlite(_))
}

/// Those that are named, else all that must be writable, each once.
fn databases(table: &Table<'_>, dependencies: &[Dependency]) -> Vec<String> {
    let known: Vec<_> = dependencies.iter().filter(|it| can_be_copied(it)).collect();
    let named = table.setting("databases").texts();
    if named.is_empty() {
        return writable(&known);
    }
    let mut names: Vec<String> = Vec::new();
    for written in named {
        if !known.iter().any(|it| it.name == written.text) {
            unknown_database(table, &written, &known);
        } else if !names.contains(&written.text) {
            names.push(written.text);
        }
    }
    names
}

/// The first name of each database that must be writable.
fn writable(known: &[&Dependency]) -> Vec<String> {
    let mut first: Vec<&Dependency> = Vec::new();
    for it in known.iter().filter(|it| it.access == Access::ReadWrite) {
        if first.iter().all(|other| other.target != it.target) {
            first.push(it);
        }
    }
    first.into_iter().map(|it| it.name.clone()).collect()
}

fn unknown_database(table: &Table<'_>, written: &Written, known: &[&Dependency]) {
    let all = || match known.is_empty() {
        true => "there is none: declare it in `[databases]`".to_owned(),
        false => format!("there is {}", or_list(known.iter().map(|it| &it.name))),
    };
    let hint = did_you_mean(&written.text, known.iter().map(|it| it.name.as_str())).unwrap_or_else(all);
    let summary = format!("there is no database `{}` that could be copied", written.text);
    table.context.problem(table.context.error(&written.origin, &summary).hint(hint));
}

/// The job that takes them when they are due; its program is mainstay itself, by whatever path whoever starts it knows.
pub(super) fn job(root: &Table<'_>, backup: &Backup) -> Option<Job> {
    let table = root.table("backup");
    let ping = table.table("ping");
    let job = Job {
        timeout: table.setting("timeout").pause(),
        ping_success: schedule::url(&ping, "success"),
        ping_failure: schedule::url(&ping, "failure"),
        ..ours(root, JOB, &BACKUP_COMMAND, backup.rhythm.clone(), backup.databases.clone())
    };
    due(root, job, "takes the copies of `[backup]`", "schedule")
}

/// The job that vacuums and analyzes SQLite databases.
pub(super) fn vacuum(root: &Table<'_>, backup: &Backup, dependencies: &[Dependency]) -> Option<Job> {
    let of_sqlite =
        |name: &&String| dependencies.iter().any(|it| it.name == **name && matches!(it.target, Target::Sqlite(_)));
    let databases = backup.databases.iter().filter(of_sqlite).cloned().collect();
    let rhythm = rhythm(&root.table("backup"), "vacuum");
    due(root, ours(root, VACUUM, &VACUUM_COMMAND, rhythm, databases), "vacuums by `[backup]`", "vacuum")
}

/// A job of ours, which nobody has written.
fn ours(root: &Table<'_>, name: &str, argv: &[&str], rhythm: Rhythm, needs: Vec<String>) -> Job {
    Job {
        name: name.to_owned(),
        rhythm,
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        cwd: root.context.sources.root.clone(),
        env: BTreeMap::new(),
        needs,
        overlap: Overlap::Skip,
        catch_up: true,
        timeout: None,
        retries: 2,
        backoff: Backoff { initial: Duration::from_secs(60), factor: 2.0, max: Duration::from_secs(600), jitter: 0.0 },
        single: None,
        ping_success: None,
        ping_failure: None,
        stop: Stop { signal: 15, grace: Duration::from_secs(30) },
    }
}

/// Where it is due at times, and nobody else bears its name. `key` switches it off.
fn due(root: &Table<'_>, job: Job, does: &str, key: &str) -> Option<Job> {
    if job.rhythm == Rhythm::Off {
        return None;
    }
    let name = &job.name;
    if let Some(taken) =
        root.entries("schedule").iter().chain(&root.entries("services")).find(|entry| entry.name == *name)
    {
        let finding = Finding::error(format!("the name `{name}` is that of the job which {does}"));
        let hint = format!("rename it, or write `{key} = \"off\"` into `[backup]`");
        root.context.problem(root.context.at(finding.hint(hint), &taken.span));
    }
    let chosen = schedule::is_chosen(root, &[schedule::ROLE.to_owned()]);
    (chosen && !job.needs.is_empty()).then_some(job)
}
