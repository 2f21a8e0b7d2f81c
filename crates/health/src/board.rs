//! Where everything that is known about the application comes together.

use crate::{
    Answer, BackupHealth, CertificateHealth, Checked, DependencyHealth, Judgement, Migrations, Phase, Reading, Report,
    ServiceHealth, Snapshot, Usage, judge, monitor, state::STATES,
};
use config::{App, Dependency};
use database::{Refusal, ServerState};
use host::Clock;
use report::{Event, Masker, Secret, Value, Verdict};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Where everything that is known about the application comes together. Chapters write on it, pages are read from it.
/// Cheap to clone; all clones are the same board.
#[derive(Clone)]
pub struct Board {
    inner: Arc<Inner>,
}

struct Inner {
    known: Mutex<Snapshot>,
    /// Wakes each dependency's monitor before its time.
    looks: Mutex<BTreeMap<String, Arc<Notify>>>,
    changes: watch::Sender<()>,
    clock: Arc<dyn Clock>,
    masker: RwLock<Masker>,
    measure: OnceLock<Measure>,
    read: OnceLock<Read>,
    copies: OnceLock<Copies>,
    certificates: OnceLock<Certificates>,
}

/// Looks at what services use now.
type Measure = Box<dyn Fn() -> BTreeMap<String, Usage> + Send + Sync>;

/// Reads what else there is to be told.
type Read = Box<dyn Fn() -> Vec<Reading> + Send + Sync>;

/// Tells how the copies of databases are now.
type Copies = Box<dyn Fn() -> Vec<BackupHealth> + Send + Sync>;

/// Tells how the certificates are that are shown now.
type Certificates = Box<dyn Fn() -> Vec<CertificateHealth> + Send + Sync>;

/// The longest reason that is shown, in characters.
const LONGEST_REASON: usize = 300;

impl Board {
    /// An empty board at the gate.
    pub fn new(version: Option<String>, clock: Arc<dyn Clock>) -> Self {
        Self::with_masker(version, clock, Masker::default())
    }

    /// The board of `app`: its dependencies not asked yet, its services not started, its secrets masked.
    pub fn of(app: &App, clock: Arc<dyn Clock>) -> Self {
        let mut masker = Masker::default();
        masker.extend(app.secrets());
        let board = Self::with_masker(app.health.version.clone(), clock, masker);
        app.dependencies.iter().for_each(|dependency| board.add(dependency));
        board.services(app.services.iter().map(|service| not_started(&service.name)).collect());
        board
    }

    fn with_masker(version: Option<String>, clock: Arc<dyn Clock>, masker: Masker) -> Self {
        let now = Instant::now();
        let known = Snapshot {
            version,
            started: now,
            phase: Phase::Gate,
            phase_since: now,
            steps: Vec::new(),
            dependencies: Vec::new(),
            services: Vec::new(),
            migrations: Migrations::None,
            backups: Vec::new(),
            certificates: Vec::new(),
            flags: BTreeMap::new(),
            usage: BTreeMap::new(),
            readings: Vec::new(),
        };
        let (known, looks, masker) = (Mutex::new(known), Mutex::default(), RwLock::new(masker));
        let (measure, read) = (OnceLock::new(), OnceLock::new());
        let (copies, certificates) = (OnceLock::new(), OnceLock::new());
        let changes = watch::Sender::new(());
        Self { inner: Arc::new(Inner { known, looks, changes, clock, masker, measure, read, copies, certificates }) }
    }

    /// What an earlier version of this process knew is known here. What a dependency is, and whether it is required, says the
    /// configuration.
    pub fn take_over(&self, handed: Snapshot) {
        self.change(|known| {
            let mut handed = handed;
            let ours = std::mem::take(&mut known.dependencies);
            handed.dependencies = ours.into_iter().map(|it| handed_on(it, &mut handed.dependencies)).collect();
            handed.version = known.version.take();
            *known = handed;
        });
    }

    /// From now on these are on no page.
    pub fn hide(&self, secrets: impl IntoIterator<Item = Secret>) {
        self.inner.masker.write().unwrap_or_else(PoisonError::into_inner).extend(secrets);
    }

    /// Adds a dependency that has not been asked yet.
    pub fn add(&self, dependency: &Dependency) {
        let kind = dependency.target.kind();
        let health = DependencyHealth::new(&dependency.name, kind, dependency.required, Instant::now());
        self.change(|known| known.dependencies.push(health));
    }

    /// From now on these are the dependencies. What is known of those that are `same` as before is kept, the others were not asked yet.
    pub fn depend_on(&self, dependencies: &[Dependency], same: impl Fn(&Dependency) -> bool) {
        let now = Instant::now();
        self.change(|known| {
            let mut before = std::mem::take(&mut known.dependencies);
            let row = |it: &Dependency| {
                let fresh = DependencyHealth::new(&it.name, it.target.kind(), it.required, now);
                if same(it) { handed_on(fresh, &mut before) } else { fresh }
            };
            known.dependencies = dependencies.iter().map(row).collect();
        });
    }

    /// The start has come so far; the time of the phase before is kept.
    pub fn phase(&self, phase: Phase) {
        let now = Instant::now();
        self.change(|known| {
            if known.phase != phase {
                known.steps.push((known.phase, now.saturating_duration_since(known.phase_since)));
                (known.phase, known.phase_since) = (phase, now);
            }
        });
    }

    /// A dependency was asked outside the monitor, as by the gate: what it said counts at once.
    pub fn asked(&self, name: &str, said: &Result<Answer, Refusal>, took: Duration) {
        self.record(name, said, took, state_of(said), false);
    }

    /// A dependency is waited for: `state` and why, when nothing more is at hand.
    pub fn waiting(&self, name: &str, state: ServerState, reason: &str) {
        let (now, reason) = (Instant::now(), self.presentable(reason));
        self.change_dependency(name, |it| {
            it.becomes(state, now);
            (it.verdict, it.reason, it.checked_at) = (Verdict::Fail, Some(reason), Some(now));
        });
    }

    /// Follows what the gate tells: `gate.waiting` and `gate.open`, by their fields `target`, `state` and `reason`. Other
    /// events are none of the board's business.
    pub fn follow(&self, event: &Event) {
        let word = |key| event.field(key).and_then(Value::as_text);
        match (event.name, word("target")) {
            ("gate.waiting", Some(target)) => {
                let state = word("state").and_then(state_called).unwrap_or(ServerState::Unknown);
                self.waiting(target, state, word("reason").unwrap_or(&event.text));
            }
            ("gate.open", Some(target)) => self.opened(target),
            _ => {}
        }
    }

    /// A dependency was found ready, when nothing more is at hand.
    pub fn opened(&self, name: &str) {
        let now = Instant::now();
        self.change_dependency(name, |it| {
            it.becomes(ServerState::Ready, now);
            (it.verdict, it.reason, it.checked_at) = (Verdict::Pass, None, Some(now));
        });
    }

    /// One check, and the state after hysteresis.
    pub(crate) fn record(
        &self,
        name: &str,
        said: &Result<Answer, Refusal>,
        took: Duration,
        state: ServerState,
        unsteady: bool,
    ) {
        let now = Instant::now();
        let at = now.checked_sub(took).unwrap_or(now);
        let checked = Checked { at, verdict: monitor::verdict(said), state: state_of(said), took };
        let reason = said.as_ref().err().map(|refusal| self.presentable(&refusal.to_string()));
        self.change_dependency(name, |it| {
            it.becomes(state, now);
            it.keep(checked);
            it.reason = reason;
            it.unsteady = unsteady;
            if let Ok(answer) = said {
                it.latency = Some(took);
                it.queues.clone_from(&answer.queues);
            } else if state != ServerState::Ready {
                // How long they are now is not known.
                it.queues.clear();
            }
        });
    }

    /// The services, all of them anew.
    pub fn services(&self, mut services: Vec<ServiceHealth>) {
        for service in &mut services {
            service.reason = service.reason.as_deref().map(|reason| self.presentable(reason));
        }
        self.change(|known| known.services = services);
    }

    /// How the migrations stand.
    pub fn migrations(&self, migrations: Migrations) {
        let migrations = match migrations {
            Migrations::Failed(message) => Migrations::Failed(self.presentable(&message)),
            Migrations::Degraded(message) => Migrations::Degraded(self.presentable(&message)),
            other => other,
        };
        self.change(|known| known.migrations = migrations);
    }

    /// A switch worth seeing: `scheduler`, `polling`.
    pub fn flag(&self, name: &str, on: bool) {
        self.change(|known| {
            known.flags.insert(name.to_owned(), on);
        });
    }

    /// Has the monitor of this dependency look now, because something hints at trouble: a service that needs it ended.
    pub fn look(&self, name: &str) {
        self.look_of(name).notify_one();
    }

    /// What [`Board::look`] wakes.
    pub(crate) fn look_of(&self, name: &str) -> Arc<Notify> {
        locked(&self.inner.looks).entry(name.to_owned()).or_default().clone()
    }

    /// Everything that is known now.
    pub fn snapshot(&self) -> Snapshot {
        let mut known = locked(&self.inner.known).clone();
        known.backups = self.inner.copies.get().map(|copies| copies()).unwrap_or_default();
        known.certificates = self.inner.certificates.get().map(|all| all()).unwrap_or_default();
        for reason in known.certificates.iter_mut().filter_map(|it| it.reason.as_mut()) {
            *reason = self.presentable(reason);
        }
        for reason in known.backups.iter_mut().filter_map(|it| it.reason.as_mut()) {
            *reason = self.presentable(reason);
        }
        known
    }

    /// From now on `measure` tells what services use, whenever that is asked for; the first one that is given counts.
    pub fn measure_by(&self, measure: impl Fn() -> BTreeMap<String, Usage> + Send + Sync + 'static) {
        let _ = self.inner.measure.set(Box::new(measure));
    }

    /// From now on `read` tells what else there is, whenever that is asked for; the first one that is given counts.
    pub fn read_by(&self, read: impl Fn() -> Vec<Reading> + Send + Sync + 'static) {
        let _ = self.inner.read.set(Box::new(read));
    }

    /// From now on `copies` tells how the copies of databases are, whenever that is asked for: their age is never older than the
    /// question. The first one that is given counts.
    pub fn copies_by(&self, copies: impl Fn() -> Vec<BackupHealth> + Send + Sync + 'static) {
        let _ = self.inner.copies.set(Box::new(copies));
    }

    /// From now on `certificates` tells how the certificates are that are shown, whenever that is asked for; the first one that is
    /// given counts.
    pub fn certificates_by(&self, certificates: impl Fn() -> Vec<CertificateHealth> + Send + Sync + 'static) {
        let _ = self.inner.certificates.set(Box::new(certificates));
    }

    /// The same as [`Board::snapshot`], with what services use at this moment and what else there is to be told.
    pub fn measured(&self) -> Snapshot {
        let usage = self.inner.measure.get().map(|measure| measure()).unwrap_or_default();
        let readings = self.inner.read.get().map(|read| read()).unwrap_or_default();
        Snapshot { usage, readings, ..self.snapshot() }
    }

    /// The body of the health pages now.
    pub fn report(&self) -> Report {
        Report::of(&self.snapshot(), Instant::now(), self.inner.clock.now())
    }

    /// The verdict alone.
    pub fn judgement(&self) -> Judgement {
        judge(&self.snapshot())
    }

    /// Marked as changed whenever something was written.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.inner.changes.subscribe()
    }

    /// The state of this dependency.
    pub fn state(&self, name: &str) -> Option<ServerState> {
        locked(&self.inner.known).dependencies.iter().find(|it| it.name == name).map(|it| it.state)
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut locked(&self.inner.known));
        self.inner.changes.send_replace(());
    }

    /// A name that is not on the board is not an error: the board only shows what it knows.
    fn change_dependency(&self, name: &str, change: impl FnOnce(&mut DependencyHealth)) {
        self.change(|known| {
            if let Some(it) = known.dependencies.iter_mut().find(|it| it.name == name) {
                change(it);
            }
        });
    }

    /// Without secrets, on one line, not too long: servers' own words end up on a page that strangers may read.
    fn presentable(&self, text: &str) -> String {
        let masker = self.inner.masker.read().unwrap_or_else(PoisonError::into_inner);
        let masked = masker.mask(text);
        let line = masked.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST_REASON) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

fn state_of(said: &Result<Answer, Refusal>) -> ServerState {
    said.as_ref().map_or_else(|refusal| refusal.state, |_| ServerState::Ready)
}

fn state_called(word: &str) -> Option<ServerState> {
    STATES.into_iter().find(|state| state.word() == word)
}

fn handed_on(ours: DependencyHealth, handed: &mut Vec<DependencyHealth>) -> DependencyHealth {
    match handed.iter().position(|it| it.name == ours.name) {
        Some(at) => DependencyHealth { kind: ours.kind, required: ours.required, ..handed.swap_remove(at) },
        None => ours,
    }
}

fn not_started(name: &str) -> ServiceHealth {
    let word = "inactive".to_owned();
    ServiceHealth { name: name.to_owned(), word, ready: false, required: true, restarts: 0, reason: None }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
