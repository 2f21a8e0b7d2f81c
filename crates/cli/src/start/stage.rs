//! How each step of the plan is really done.

use super::{
    World,
    adapters::Senses,
    backups::Backups,
    certificates,
    control::{self, Reread},
    earlier,
    jobs::{self, Jobs},
    pages::{self, Serving},
    proxied, snapshots,
    watch::All,
};
use crate::release::give_back;
use crate::{
    check::{data_directory, home_of_databases, programs},
    trouble,
    turn::{Turn, turn_within},
};
use config::{App, Dependency, Sign};
use health::{Answer, Migrations, Phase, ServiceHealth, Usage};
use host::{
    lock::{Holder, InstanceLock, LockError},
    process::Memory,
    signals::Signals,
};
use jiff::Timestamp;
use plan::{Stage, StepKind, Trouble};
use probe::gate::{GateError, Opened};
use report::{Finding, Outcome, count};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use supervise::{Ended, Handle, Outfit, ServiceStatus, ServiceUsage, Supervisor, Word};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

/// A start with nothing to migrate waits for nobody.
async fn in_turn(world: &World, job: &migrate::Job<'_>) -> Result<Option<Turn>, Trouble> {
    let Some(database) = world.app.dependency(&job.migrations.database) else { return Ok(None) };
    // Whatever cannot be looked at is told by whoever migrates.
    if migrate::is_current(job, &migrate::Goal::All).await.unwrap_or(false) {
        return Ok(None);
    }
    let turn = turn_within(world, database, "mainstay up", job.migrations.lock_timeout).await;
    turn.map(Some).map_err(|busy| Trouble::new(busy.outcome(), busy.finding()))
}

/// Carries the steps out for real, and holds what they have opened.
pub(super) struct Live {
    pub(super) world: Arc<World>,
    pub(super) reread: Option<Reread>,
    /// Answered under the lock, so it goes first.
    pub(super) control: Option<control::Listening>,
    /// Held until the process ends.
    pub(super) lock: Option<InstanceLock>,
    /// Answered from the first moment to the last.
    pub(super) pages: Option<Serving>,
    pub(super) prepared: Option<Supervisor>,
    /// Begun together with the services.
    pub(super) jobs: Option<Jobs>,
    pub(super) running: Option<Running>,
}

/// Services that were started.
pub(super) struct Running {
    pub(super) handle: Handle,
    pub(super) ended: JoinHandle<Ended>,
}

impl Stage for Live {
    async fn perform(&mut self, step: &StepKind) -> Result<String, Trouble> {
        match step {
            StepKind::Prepare { .. } => self.prepare().await,
            StepKind::Gate { .. } => self.gate().await,
            StepKind::Migrate { .. } => self.migrate().await,
            StepKind::Start { .. } => self.start().await,
        }
    }
}

impl Live {
    pub(super) fn new(world: Arc<World>, reread: Reread) -> Self {
        let reread = Some(reread);
        let (prepared, jobs, running) = (None, None, None);
        Self { world, reread, control: None, lock: None, pages: None, prepared, jobs, running }
    }

    /// Takes what only one may have: the lock of the data directory, then the sockets, so that a second start meets the
    /// lock first and can name its holder. In between it ends what an earlier start has left, which may hold the sockets.
    /// Fails before anything was started.
    async fn prepare(&mut self) -> Result<String, Trouble> {
        let world = &self.world;
        let misused = |finding| Trouble::new(Outcome::Misused, finding);
        programs(&world.app).map_err(|findings| Trouble { outcome: Outcome::Misused, findings })?;
        migrate::check(&world.app).map_err(trouble::of_migrate)?;
        let seen = match world.app.keeps_data {
            true => data_directory(&world.app).map_err(misused)?,
            false => {
                home_of_databases(&world.app).map_err(misused)?;
                "nothing to keep".to_owned()
            }
        };
        self.lock = if world.app.keeps_data { Some(lock(&world.app).map_err(misused)?) } else { None };
        world.remembered.keep(world);
        show_readings(world);
        let instance = earlier::instance(&world.app);
        earlier::clear_away(world, &instance).await?;
        self.jobs = jobs::prepare(world, &world.app.jobs, &instance).map_err(misused)?.map(Jobs::new);
        self.pages = Some(pages::serve(world, BTreeMap::new()).map_err(misused)?);
        world.terminal.keep_small(&world.app.up_log(), world.app.up_log_before());
        world.lines.keep(&world.app, world.clock.clone(), &world.journal);
        let services = world.app.services.clone();
        let senses = Arc::new(Senses(world.clone()));
        let (spawner, journal, lines) = (world.spawner.clone(), world.journal.clone(), Arc::new(world.tail.clone()));
        let outfit = Outfit::new(spawner, senses, journal, lines, sockets(&world.app)?);
        let supervisor = Supervisor::new(services, &instance, &world.app.env, outfit)
            .map_err(|error| misused(Finding::from(&error)))?;
        proxied::serve(world, &supervisor.handle()).map_err(misused)?.map(|proxied| world.proxied.set(proxied));
        if let Some(reread) = self.reread.take().filter(|_| world.app.keeps_data) {
            let jobs = self.jobs.as_ref().map(|jobs| jobs.handle.clone());
            self.control = control::listen(world, supervisor.handle(), jobs, reread, None, world.app.services.clone());
        }
        self.prepared = Some(supervisor);
        Ok(seen)
    }

    /// Waits for every dependency at once. One that is not required holds nothing up.
    async fn gate(&mut self) -> Result<String, Trouble> {
        self.world.board.phase(Phase::Gate);
        let required: Vec<_> = self.world.app.dependencies.iter().filter(|it| it.required).collect();
        let others: Vec<_> = self.world.app.dependencies.iter().filter(|it| !it.required).collect();
        let opened = self.wait_for(&required).await.map_err(|errors| self.gate_trouble(errors))?;
        give_back(&self.world).await?;
        self.look_once(&others).await;
        Ok(match opened {
            0 => "nothing to wait for".to_owned(),
            _ => format!("{} ready", count(opened, "dependency")),
        })
    }

    async fn wait_for(&self, dependencies: &[&Dependency]) -> Result<usize, Vec<GateError>> {
        let opened = probe::gate::wait_all(dependencies, &self.world.probes, &*self.world.journal).await?;
        for (dependency, opened) in dependencies.iter().zip(&opened) {
            self.on_board(dependency, opened);
        }
        Ok(opened.len())
    }

    fn on_board(&self, dependency: &Dependency, opened: &Opened) {
        self.world.board.asked(&dependency.name, &Ok(Answer::default()), opened.ready.latency);
    }

    /// Asks those that may be missing, once: the monitor goes on with them.
    async fn look_once(&self, dependencies: &[&Dependency]) {
        for dependency in dependencies {
            let limit = dependency.wait.attempt_timeout.min(Duration::from_secs(2));
            let asked = probe::ask(&dependency.target, dependency.access, limit, &self.world.probes).await;
            let (latency, answer) = match asked {
                Ok(ready) => (ready.latency, Ok(Answer::default())),
                Err(refusal) => (limit, Err(refusal)),
            };
            self.world.board.asked(&dependency.name, &answer, latency);
        }
    }

    fn gate_trouble(&self, errors: Vec<GateError>) -> Trouble {
        for error in &errors {
            self.world.board.waiting(&error.name, error.refusal.state, &error.to_string());
        }
        trouble::of_gate(&errors)
    }

    async fn migrate(&mut self) -> Result<String, Trouble> {
        let Some(job) = self.world.job() else { return Ok("no migrations".to_owned()) };
        self.world.board.phase(Phase::Migrate);
        self.world.board.migrations(Migrations::Running);
        let _turn = in_turn(&self.world, &job).await?;
        match migrate::up(&job, &migrate::Goal::All).await {
            Ok(report) => {
                self.world.board.migrations(Migrations::Done);
                Ok(report.to_string())
            }
            Err(error) => {
                self.world.board.migrations(match job.migrations.on_failure {
                    config::OnFailure::Degrade => Migrations::Degraded(error.to_string()),
                    config::OnFailure::Stop => Migrations::Failed(error.to_string()),
                });
                Err(trouble::of_migrate(error))
            }
        }
    }

    /// Starts the services, lets jobs be run, and waits until each service is ready or over. Whoever comes here with a dependency that is not ready
    /// was told to start all the same, so nobody is parked for that yet; from now on the monitor tells.
    async fn start(&mut self) -> Result<String, Trouble> {
        self.world.board.phase(Phase::Start);
        let Some(supervisor) = self.prepared.take() else { return Ok("no services".to_owned()) };
        let handle = supervisor.handle();
        measure(&self.world, handle.clone());
        handle.stay(self.jobs.as_ref().is_some_and(Jobs::are_any));
        let ended = tokio::spawn(supervisor.run());
        self.running = Some(Running { handle: handle.clone(), ended });
        self.jobs = self.jobs.take().map(Jobs::begun);
        let statuses = settled(&self.world, &handle).await;
        started(&statuses)
    }

    /// Stops whatever was started, and says how it ended.
    pub(super) async fn abandon(mut self, signals: &mut Signals) -> Option<Ended> {
        All::of(self.running.take()?, self.jobs.take()).stop(signals).await
    }
}

/// The directory of the sockets on which services tell how they are; made where there is such a service.
pub(super) fn sockets(app: &App) -> Result<PathBuf, Trouble> {
    let path = app.run_dir().join("notify");
    let tells =
        |service: &config::Service| matches!(&service.health, Some(check) if matches!(check.sign, Sign::Notify { .. }));
    if app.keeps_data && app.services.iter().any(tells) {
        let refused = |error: std::io::Error| {
            Finding::error(format!("the directory `{}` cannot be made", path.display())).because(&error)
        };
        host::fs::create_dir_all_private(&path, 0o700)
            .map_err(|error| Trouble::new(Outcome::Misused, refused(error)))?;
    }
    Ok(path)
}

/// Whoever reads the pages has disk, memory and copies looked at.
pub(super) fn show_readings(world: &Arc<World>) {
    let theirs = Arc::downgrade(world);
    world.board.read_by(move || {
        theirs.upgrade().inspect(Backups::look_again).map(|world| snapshots::readings(&world)).unwrap_or_default()
    });
    let theirs = Arc::downgrade(world);
    world.board.copies_by(move || theirs.upgrade().map(|world| Backups::on_page(&world)).unwrap_or_default());
    Backups::look(world);
    certificates::show(world);
}

/// Whoever reads the metrics has the services looked at.
pub(super) fn measure(world: &World, handle: Handle) {
    let one = |(name, usage): (String, ServiceUsage)| {
        let (memory, open_files) = (usage.memory.map(Memory::bytes), usage.open_files);
        let ServiceUsage { cpu, processes, oom_kills, .. } = usage;
        (name, Usage { cpu, memory, open_files, processes, oom_kills })
    };
    world.board.measure_by(move || handle.usage().into_iter().map(one).collect());
}

fn lock(app: &App) -> Result<InstanceLock, Finding> {
    let path = app.lock_file();
    InstanceLock::acquire(&path, &format!("mainstay up ({})", app.name)).map_err(|error| match error {
        LockError::Held { holder, .. } => held(app, &holder),
        LockError::Io { .. } => Finding::error("the lock of the single instance cannot be taken").because(&error),
    })
}

/// Somebody has the lock of the single instance. Taking it is the only way to know; it is given back at once.
pub(crate) fn already_running(app: &App) -> Option<Finding> {
    // Without its directory nobody can have it.
    lock(app).err().filter(|_| app.run_dir().is_dir())
}

fn held(app: &App, holder: &Holder) -> Finding {
    let since = Timestamp::try_from(holder.since).unwrap_or_default();
    Finding::error(format!("`{}` is already running", app.name))
        .seen(format!(
            "process {} holds `{}` since {since}: {}",
            holder.pid,
            app.lock_file().display(),
            holder.command
        ))
        .hint("`mainstay status` tells how it is, `mainstay down` stops it; otherwise choose another `data`, or MAINSTAY_DATA")
}

/// All services, once each is ready, over or parked, or when their time is up. The board follows.
async fn settled(world: &World, handle: &Handle) -> Vec<ServiceStatus> {
    let mut watch = handle.watch();
    let deadline = Instant::now() + longest_start(&world.app);
    loop {
        let statuses = watch.borrow_and_update().clone();
        show(world, &statuses);
        let all = statuses.iter().all(|status| status.ready || matches!(status.fine, "done" | "failed" | "parked"));
        if all || !matches!(timeout_at(deadline, watch.changed()).await, Ok(Ok(()))) {
            return statuses;
        }
    }
}

/// A service may take so long to start by its own rules; one without a check is given the usual time.
pub(super) fn start_patience(service: &config::Service) -> Duration {
    service.start_delay + service.health.as_ref().map_or(Duration::from_secs(10), |health| health.start_timeout)
}

/// Longer than this no start is waited for; the services go on all the same.
fn longest_start(app: &App) -> Duration {
    app.services.iter().map(start_patience).sum::<Duration>() + Duration::from_secs(1)
}

/// Puts the services on the board.
pub(super) fn show(world: &World, statuses: &[ServiceStatus]) {
    let services = statuses.iter().map(|status| ServiceHealth {
        name: status.name.clone(),
        word: status.word.to_string(),
        ready: status.ready || is_done(status),
        // What somebody has stopped is missing, and that is as it was wanted.
        required: !status.held,
        restarts: status.restarts.into(),
        reason: status.reason.clone(),
    });
    world.board.services(services.collect());
}

fn started(statuses: &[ServiceStatus]) -> Result<String, Trouble> {
    let late: Vec<_> = statuses.iter().filter(|status| !status.ready && !is_done(status)).collect();
    if late.is_empty() {
        return Ok(format!("{} up", count(statuses.len(), "service")));
    }
    let failed = late.iter().any(|status| status.word == Word::Failed);
    let finding = late.iter().fold(Finding::error("not every service is up"), |finding, status| {
        let reason = status.reason.as_deref().unwrap_or("no reason given");
        finding.seen(format!("`{}` is {}: {reason}", status.name, status.word))
    });
    // What failed for good ends the start; what is only late is watched on.
    Err(Trouble::new(if failed { Outcome::Failed } else { Outcome::Degraded }, finding))
}

/// A one-shot that has done its work is as good as one that runs.
fn is_done(status: &ServiceStatus) -> bool {
    status.fine == "done"
}
