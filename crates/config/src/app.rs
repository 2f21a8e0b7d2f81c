//! What is meant: a complete, valid application. Nothing here is optional unless its absence has a meaning.

use crate::{
    Backup, Deploy, EnvContract, LogLine, Rhythm, Target,
    dsn::encode,
    redact::{self, names_a_secret},
};
use report::{Masker, Secret};
use retry::{Backoff, Policy};
use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

/// One application, as its `mainstay.toml`, its environment and the flags describe it together. Prints without secrets:
/// of variables the names alone.
#[derive(Clone, PartialEq)]
pub struct App {
    /// Short name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// The directory of `mainstay.toml`; commands run there and relative paths start there.
    pub root: PathBuf,
    /// Every mutable path lies below it. Absolute.
    pub data: PathBuf,
    /// Is there a data directory? `run` without a file keeps nothing and takes no lock, unless it is given one.
    pub keeps_data: bool,
    /// The declared variables.
    pub contract: EnvContract,
    /// The environment that services and migrations get: the process's own, completed by the `.env` files, the aliases
    /// and the defaults of the contract.
    pub env: BTreeMap<String, String>,
    /// Databases and other dependencies by name, in the order of the file, databases first.
    pub dependencies: Vec<Dependency>,
    /// What a gate that stays closed means for the start.
    pub on_failure: OnFailure,
    /// The migrations, if there are any.
    pub migrations: Option<Migrations>,
    /// The services of the chosen role, each after those it needs.
    pub services: Vec<Service>,
    /// The jobs of the chosen role, in the order of the file.
    pub jobs: Vec<Job>,
    /// Are jobs run?
    pub scheduler: bool,
    /// No heavy background work: no jobs.
    pub failsafe: bool,
    /// mainstay's own health endpoint.
    pub health: Health,
    /// Where the lines of the services are kept.
    pub logs: Logs,
    /// Copies of the databases.
    pub backup: Backup,
    /// How long what happens is remembered.
    pub journal: Journal,
    /// How releases are made; nothing where the file does not say so.
    pub deploy: Option<Deploy>,
    /// The roles that the file knows, whichever is chosen.
    pub roles: Vec<String>,
}

/// Something outside that services need: a database, Redis, a port, a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// As it is called in `needs`.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// What it must allow.
    pub access: Access,
    /// A required one holds up the start and makes health critical; another one makes it degraded.
    pub required: bool,
    /// How long and how often to ask at the start.
    pub wait: Wait,
    /// How it is watched afterwards.
    pub monitor: Monitor,
    /// Redis lists whose lengths health shows.
    pub queues: Vec<String>,
}

/// What a database must allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A primary that accepts writes.
    #[default]
    ReadWrite,
    /// A replica will do.
    ReadOnly,
}

/// How the gate waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// Attempts, waits between them and the time limit.
    pub policy: Policy,
    /// One attempt takes no longer.
    pub attempt_timeout: Duration,
    /// Move the time limit on while a recovering server makes progress.
    pub extend: bool,
}

/// How a dependency is watched once everything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Time between checks.
    pub every: Duration,
    /// Failures in a row until it is called down and recovery begins.
    pub failures: u32,
}

/// Where migrations are and how they are applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrations {
    /// The name of the database they belong to, one of [`App::dependencies`].
    pub database: String,
    /// What is applied.
    pub source: MigrationSource,
    /// How often to try when the reason is transient.
    pub policy: Policy,
    /// How long to wait for another starter that holds the lock.
    pub lock_timeout: Duration,
    /// What a final failure means.
    pub on_failure: OnFailure,
    /// Whose files they are, where that is said: one of [`MIGRATION_STYLES`].
    pub style: Option<String>,
    /// The ledger's table, with or without a schema, where it is said.
    pub table: Option<String>,
    /// Files of data for trying things out, applied after the migrations when asked for. Absolute.
    pub seeds: Option<PathBuf>,
    /// What is forbidden and what is not.
    pub policies: MigrationPolicies,
    /// The server itself, where [`Migrations::database`] leads to a pooler that cannot keep a lock.
    pub direct: Option<Target>,
    /// A statement of a file takes no longer. None: as long as it wants.
    pub statement_timeout: Option<Duration>,
    /// So long statements of one run wait for locks on tables, all in all.
    pub lock_budget: Duration,
    /// Rules of the linter that are not looked at.
    pub lint_exclude: Vec<String>,
    /// Rules of the linter that are looked at although they are not by default.
    pub lint_include: Vec<String>,
}

/// The styles of migrations that can be named; `diy` is a table that explains itself by its rows.
pub const MIGRATION_STYLES: [&str; 9] =
    ["plain", "dbmate", "golang-migrate", "goose", "sqlx", "refinery", "flyway", "supabase", "diy"];

/// What is forbidden when files and ledger disagree, and what is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MigrationPolicies {
    /// A file that is new but older than an applied one.
    pub out_of_order: Tolerance,
    /// A file that was applied and is not there any more.
    pub missing: Tolerance,
    /// A file that does something else than when it was applied, or has another name.
    pub changed: Tolerance,
    /// A row that is newer than every file, of a release that has not said that this one may run on its schema.
    pub newer: Tolerance,
    /// Versions must be 1, 2, 3 and so on.
    pub strict: bool,
}

/// Is something refused or let through?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tolerance {
    /// Nothing is applied.
    #[default]
    Refuse,
    /// It is told, and nothing more.
    Allow,
}

/// What is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationSource {
    /// Plain `.sql` files in this directory. Absolute.
    Directory(PathBuf),
    /// An external command, run in [`App::root`].
    Command(Vec<String>),
}

/// What a closed gate or a failed migration means for the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing is started; exit 1.
    #[default]
    Stop,
    /// Services are started all the same; health says `degraded`.
    Degrade,
}

/// One supervised process. Prints its variables by name alone.
#[derive(Clone, PartialEq)]
pub struct Service {
    /// As it is called in `needs`, logs and metrics.
    pub name: String,
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Working directory. Absolute.
    pub cwd: PathBuf,
    /// Variables on top of [`App::env`].
    pub env: BTreeMap<String, String>,
    /// Dependencies it needs, by name.
    pub needs: Vec<String>,
    /// Services that must be ready before it, by name.
    pub after: Vec<String>,
    /// The address that mainstay binds and hands over as `LISTEN_FDS` (sd_listen_fds(3)).
    pub listen: Option<SocketAddr>,
    /// How its readiness and health are told.
    pub health: Option<HealthCheck>,
    /// When it is started again.
    pub restart: Restart,
    /// How it is stopped.
    pub stop: Stop,
    /// May two generations overlap during a handover?
    pub handover: Handover,
    /// The PostgreSQL whose advisory lock lets only one host run an exclusive one, one of [`App::dependencies`].
    pub single: Option<String>,
    /// What it may use.
    pub limits: Limits,
    /// Waits this long before the first start.
    pub start_delay: Duration,
}

/// A command that is run when it is due. Prints its variables by name alone.
#[derive(Clone, PartialEq)]
pub struct Job {
    /// As it is called in logs; no service has the same name.
    pub name: String,
    /// When it is due.
    pub rhythm: Rhythm,
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Working directory. Absolute.
    pub cwd: PathBuf,
    /// Variables on top of [`App::env`].
    pub env: BTreeMap<String, String>,
    /// Dependencies it needs, by name.
    pub needs: Vec<String>,
    /// What becomes of a run that is due while another one is at work.
    pub overlap: Overlap,
    /// Is a missed run made up for, once?
    pub catch_up: bool,
    /// No run takes longer.
    pub timeout: Option<Duration>,
    /// How often a run that failed is tried again.
    pub retries: u32,
    /// The pauses before that.
    pub backoff: Backoff,
    /// The PostgreSQL whose advisory lock lets only one host run it, one of [`App::dependencies`].
    pub single: Option<String>,
    /// Asked for after a run that ended well.
    pub ping_success: Option<String>,
    /// Asked for after a run that failed.
    pub ping_failure: Option<String>,
    /// How it is stopped.
    pub stop: Stop,
}

/// What becomes of a run that is due while another one of the same job is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// It follows; one at most waits.
    Queue,
    /// The other one is stopped.
    Replace,
}

/// May two generations of a service run at once?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handover {
    /// Yes: the new one is started before the old one is stopped.
    #[default]
    Overlap,
    /// No: pollers and schedulers.
    Exclusive,
}

/// When an ended service is started again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restart {
    /// After which ends.
    pub when: RestartWhen,
    /// The waits between starts.
    pub backoff: Backoff,
    /// A life at least this long begins the waits anew.
    pub stable_after: Duration,
}

/// After which ends a service is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestartWhen {
    /// After every end that nobody asked for.
    #[default]
    Always,
    /// After an exit code other than 0 or a signal. Exit 0 is the end: a one-shot.
    OnFailure,
    /// Never: its first end is its last.
    Never,
}

/// Where the lines of services are kept, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Are they kept in files at all?
    pub enabled: bool,
    /// The directory of the files. Absolute.
    pub dir: PathBuf,
    /// What a line looks like.
    pub format: LogFormat,
    /// A file that would become larger, in bytes, is put aside.
    pub max_size: u64,
    /// So many that were put aside are kept of each service.
    pub keep: u32,
    /// One that was put aside longer ago is removed.
    pub max_age: Duration,
    /// All files together, in bytes.
    pub total: u64,
    /// Are files that were put aside compressed?
    pub compress: bool,
    /// What happens when [`Logs::buffer`] is full.
    pub when_full: WhenFull,
    /// So many bytes may wait for the disk.
    pub buffer: u64,
    /// Do the lines go to the terminal too?
    pub echo: bool,
}

impl Default for Logs {
    /// Off; everything else as it is when nothing is said.
    fn default() -> Self {
        Self {
            enabled: false,
            dir: PathBuf::new(),
            format: LogFormat::Json,
            max_size: 10 << 20,
            keep: 5,
            max_age: Duration::from_secs(7 * 86_400),
            total: 1 << 30,
            compress: true,
            when_full: WhenFull::Block,
            buffer: 4 << 20,
            echo: true,
        }
    }
}

/// How long what happens is remembered, and in how much room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Is it remembered at all?
    pub enabled: bool,
    /// Single events, and figures by the minute, are kept so long.
    pub keep: Duration,
    /// Counts and figures by the hour are kept so long.
    pub hourly: Duration,
    /// The file takes no more, in bytes.
    pub max_size: u64,
}

impl Default for Journal {
    /// Off; everything else as it is when nothing is said.
    fn default() -> Self {
        let day = Duration::from_secs(86_400);
        Self { enabled: false, keep: day * 7, hourly: day * 90, max_size: 100 << 20 }
    }
}

/// What a line of a log file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One object a line.
    #[default]
    Json,
    /// As it came.
    Raw,
}

/// What happens to lines when the disk is too slow for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Whoever writes them waits.
    #[default]
    Block,
    /// They are left out and counted.
    Drop,
}

/// How a service is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The polite signal's number, `SIGTERM` by default.
    pub signal: i32,
    /// Time from the polite signal until `SIGKILL` to the whole group.
    pub grace: Duration,
}

/// By what the readiness and health of a service are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// It is asked, again and again.
    Target(Target),
    /// It writes this line once it is ready. What becomes of it later is not told.
    Line(LogLine),
    /// It tells by itself (sd_notify(3)).
    Notify {
        /// And tells that it is well at least so often, or it is called unhealthy and restarted.
        watchdog: Option<Duration>,
    },
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sign::Target(target) => target.fmt(f),
            Sign::Line(line) => write!(f, "a line with `{line}`"),
            Sign::Notify { .. } => f.write_str("READY=1"),
        }
    }
}

/// So many of the last checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From 1.
    pub count: u32,
    /// At least [`Window::count`].
    pub of: u32,
}

/// What a service may use at most, all of its processes together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Processors: 1.5 are one and a half.
    pub cpu: Option<f64>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// Open files of each of its processes.
    pub files: Option<u32>,
}

/// How the readiness and health of a service are told.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    /// How it is told.
    pub sign: Sign,
    /// Time between checks once it is ready. While it starts, it is asked more often.
    pub every: Duration,
    /// One check takes no longer.
    pub timeout: Duration,
    /// So many failures until it is called unhealthy and restarted.
    pub fail: Window,
    /// So many passes until it is called healthy again.
    pub pass: Window,
    /// How long it may take to become ready.
    pub start_timeout: Duration,
}

/// mainstay's own health endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Where `/healthz`, `/readyz` and their aliases are answered; nothing to switch them off.
    pub listen: Option<SocketAddr>,
    /// A plain TCP port that accepts and closes while the application is not critical.
    pub tcp: Option<SocketAddr>,
    /// Where `/metrics` is answered.
    pub metrics: Metrics,
    /// The application's version, shown as `version`.
    pub version: Option<String>,
}

/// Where `/metrics` is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    #[default]
    Off,
    /// Beside the health pages.
    WithHealth,
    /// On an address of its own.
    Own(SocketAddr),
}

impl App {
    /// The dependency of this name.
    pub fn dependency(&self, name: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|dependency| dependency.name == name)
    }

    /// Locks, process ids and the control socket.
    pub fn run_dir(&self) -> PathBuf {
        self.data.join("run")
    }

    /// What `up -d` writes.
    pub fn up_log(&self) -> PathBuf {
        self.run_dir().join("up.log")
    }

    /// What it wrote before: the end of an earlier start, or what did not fit any more.
    pub fn up_log_before(&self) -> PathBuf {
        self.run_dir().join("up.log.1")
    }

    /// The lock of the single instance.
    pub fn lock_file(&self) -> PathBuf {
        self.run_dir().join("mainstay.lock")
    }

    /// Where a running mainstay is asked.
    pub fn control_socket(&self) -> PathBuf {
        self.run_dir().join("control.sock")
    }

    /// The job of this name.
    pub fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// What happened.
    pub fn journal_file(&self) -> PathBuf {
        self.data.join("journal.db")
    }

    /// What is remembered of the jobs.
    pub fn schedule_file(&self) -> PathBuf {
        self.run_dir().join("schedule.json")
    }

    /// What became of the last try to copy this database.
    pub fn backup_file(&self, database: &str) -> PathBuf {
        self.run_dir().join(format!("backup-{database}.json"))
    }

    /// Why no job is run, if that is so.
    pub fn jobs_are_off(&self) -> Option<&'static str> {
        match (self.failsafe, self.scheduler) {
            (true, _) => Some("failsafe"),
            (false, false) => Some("scheduler = false"),
            (false, true) => None,
        }
    }

    /// Everything that must never be printed: declared secrets, variables that are secrets by their name, and the passwords
    /// of all targets, also as they look in a URL.
    pub fn secrets(&self) -> Vec<Secret> {
        let declared = self.contract.secrets(&self.env);
        let of_services = self.services.iter().flat_map(|service| secrets_by_name(&service.env));
        let of_jobs = self.jobs.iter().flat_map(|job| secrets_by_name(&job.env));
        let targets = self.dependencies.iter().map(|it| &it.target);
        let checks = self.services.iter().filter_map(|it| match &it.health.as_ref()?.sign {
            Sign::Target(target) => Some(target),
            Sign::Line(_) | Sign::Notify { .. } => None,
        });
        let passwords = targets.chain(checks).filter_map(Target::password);
        let known: Vec<_> = declared
            .into_iter()
            .chain(secrets_by_name(&self.env))
            .chain(of_services)
            .chain(of_jobs)
            .chain(passwords)
            .chain(self.passwords_as_written())
            .chain(self.deploy.iter().flat_map(Deploy::secrets))
            .collect();
        let encoded: Vec<_> =
            known.iter().map(|it| Secret::new(encode(it.reveal()))).filter(|it| !known.contains(it)).collect();
        known.into_iter().chain(encoded).collect()
    }

    /// Passwords within the URLs of variables, as they stand there: escapes can be written in several ways (`%2f`, `%2F`), and what is printed is the text of the variable.
    fn passwords_as_written(&self) -> impl Iterator<Item = Secret> {
        let of_services = self.services.iter().flat_map(|service| service.env.values());
        let of_jobs =
            self.jobs.iter().flat_map(|job| job.env.values().chain(&job.ping_success).chain(&job.ping_failure));
        let values = self.env.values().chain(of_services).chain(of_jobs);
        values.flat_map(|value| redact::in_urls(value).into_iter().map(|at| Secret::new(&value[at])))
    }
}

/// A shorter value of a variable such as `API_KEY` is rather a switch or a name.
const SHORTEST_SECRET: usize = 8;

pub(crate) fn secrets_by_name(env: &BTreeMap<String, String>) -> impl Iterator<Item = Secret> {
    let secret = env.iter().filter(|(name, value)| names_a_secret(name) && value.len() >= SHORTEST_SECRET);
    secret.map(|(_, value)| Secret::new(value.as_str()))
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut masker = Masker::default();
        masker.extend(self.secrets());
        let lines = [
            format!("name: {:?}, root: {:?}, data: {:?}", self.name, self.root, self.data),
            format!("contract: {:?}, env: {:?}", self.contract, self.env.keys()),
            format!("dependencies: {:?}", self.dependencies),
            format!("migrations: {:?}, services: {:?}, jobs: {:?}", self.migrations, self.services, self.jobs),
            format!("health: {:?}, logs: {:?}, journal: {:?}", self.health, self.logs, self.journal),
            format!("deploy: {:?}, roles: {:?}", self.deploy, self.roles),
        ];
        write!(f, "App {{ {} }}", masker.mask(&lines.join(", ")))
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("rhythm", &self.rhythm)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys())
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys())
            .field("needs", &self.needs)
            .field("after", &self.after)
            .field("listen", &self.listen)
            .field("health", &self.health)
            .field("restart", &self.restart)
            .field("stop", &self.stop)
            .field("handover", &self.handover)
            .field("single", &self.single)
            .field("limits", &self.limits)
            .field("start_delay", &self.start_delay)
            .finish()
    }
}
