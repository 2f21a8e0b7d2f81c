//! What all parts of a start share.

use super::{
    backups::{self, Backups},
    control::Ring,
    herald::Herald,
    lines::Everywhere,
    proxied::Proxied,
    reexec::Passage,
    remembered::Remembered,
    suspects::Suspects,
};
use crate::{context::Context, terminal::Terminal};
use backup::Remote;
use config::App;
use health::Board;
use host::{Clock, Env, process::SystemSpawner};
use jiff::Timestamp;
use migrate::{Identity, Job};
use report::{Event, Journal};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use supervise::{Fault, tail::Tail};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedSender, unbounded_channel},
    },
    task::JoinHandle,
};

/// What all parts of a start share.
pub(crate) struct World {
    /// As it was configured at the start: what is the site's, and what a reload does not change.
    pub(crate) app: Arc<App>,
    /// As it is run by now: another release, perhaps.
    by_now: Mutex<Arc<App>>,
    /// Other dependencies than before may be watched.
    pub(crate) depends_anew: Notify,
    pub(crate) board: Board,
    pub(crate) terminal: Arc<Terminal>,
    pub(crate) journal: Arc<Told>,
    /// The last events.
    pub(crate) ring: Arc<Ring>,
    /// Where events are remembered.
    pub(crate) remembered: Remembered,
    /// The file systems that are watched: whose they are, and a path on each.
    pub(crate) disks: Mutex<Vec<(String, PathBuf)>>,
    /// When this life began.
    pub(crate) begun: Timestamp,
    /// Where services write, and their last lines.
    pub(crate) tail: Tail,
    /// Where `tail` passes them on to.
    pub(crate) lines: Arc<Everywhere>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What mainstay itself was started with.
    pub(crate) process_env: Env,
    pub(crate) spawner: Arc<SystemSpawner>,
    pub(crate) probes: probe::Context,
    pub(crate) who: Identity,
    /// What was seen of the copies of databases.
    pub(crate) backups: Backups,
    /// The buckets that copies go to.
    pub(crate) remotes: Arc<[Remote]>,
    /// Where requests are taken for a service.
    pub(crate) proxied: OnceLock<Arc<Proxied>>,
    /// To the next version of mainstay.
    pub(crate) passage: Passage,
    /// Whoever supervises us.
    pub(crate) herald: Arc<Herald>,
}

impl World {
    /// By the calendar, for what is told to people.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    pub(crate) fn new(context: &Context, app: App) -> Arc<Self> {
        let begun = context.now();
        Self::with(context, app, begun, Passage::default())
    }

    /// One that has begun at this time, perhaps under an earlier version.
    pub(super) fn with(context: &Context, app: App, begun: Timestamp, passage: Passage) -> Arc<Self> {
        let app = Arc::new(app);
        let board = Board::of(&app, context.clock.clone());
        let (ring, clock) = (Arc::new(Ring::new()), context.clock.clone());
        let lines = Arc::new(Everywhere::new(context.terminal.clone()));
        let tail = Tail::new(lines.clone());
        let herald = Arc::new(Herald::of(&context.env));
        let remotes = backups::remotes(&app, &context.clock);
        Arc::new(Self {
            journal: Arc::new(Told {
                board: board.clone(),
                terminal: context.terminal.clone(),
                ring: ring.clone(),
                clock: clock.clone(),
                tail: tail.clone(),
                herald: herald.clone(),
                suspects: Suspects::of(&app),
            }),
            herald,
            ring,
            remembered: Remembered::default(),
            disks: Mutex::new(vec![("data".to_owned(), app.data.clone())]),
            begun,
            passage,
            tail,
            clock,
            process_env: context.env.clone(),
            board,
            lines,
            terminal: context.terminal.clone(),
            spawner: context.spawner.clone(),
            probes: super::gate_context(context, &app),
            who: identity(&app),
            backups: Backups::of(app.clone(), remotes.clone()),
            proxied: OnceLock::new(),
            by_now: Mutex::new(app.clone()),
            depends_anew: Notify::new(),
            remotes,
            app,
        })
    }

    /// The application as it is run by now.
    pub(crate) fn by_now(&self) -> Arc<App> {
        self.by_now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on another release of it is run.
    pub(crate) fn run_now(&self, app: Arc<App>) {
        *self.by_now.lock().unwrap_or_else(PoisonError::into_inner) = app;
    }

    /// What probes of `app` need from around them.
    pub(crate) fn probes_of(&self, app: &App) -> probe::Context {
        probe::Context { root: app.root.clone(), env: app.env.clone(), ..self.probes.clone() }
    }

    /// From now on the secrets of `app` appear nowhere: not on the terminal, on the pages, in events or in files.
    pub(crate) fn hide(&self, app: &App) {
        self.terminal.hide(app.secrets());
        self.board.hide(app.secrets());
        self.lines.hide_as_the_terminal_does();
    }

    /// The work of the migrations, if there are any.
    pub(crate) fn job(&self) -> Option<Job<'_>> {
        self.job_of(&self.app)
    }

    /// Those of `app`.
    pub(crate) fn job_of<'a>(&'a self, app: &'a App) -> Option<Job<'a>> {
        let migrations = app.migrations.as_ref()?;
        let target = &app.dependency(&migrations.database)?.target;
        Some(Job {
            migrations,
            target,
            root: &app.root,
            env: &app.env,
            spawner: &*self.spawner,
            journal: &*self.journal,
            lines: &*self.terminal,
            who: &self.who,
        })
    }
}

/// From now on lines are marked by the names of `app` and of its services and jobs.
pub(crate) fn introduce(terminal: &Terminal, app: &App) {
    let (services, jobs) = (app.services.iter().map(|it| &it.name), app.jobs.iter().map(|it| &it.name));
    terminal.introduce(&app.name, services.chain(jobs).map(String::as_str));
}

/// What happens goes to the terminal, to the board as far as health cares, and is kept for those who ask later.
pub(crate) struct Told {
    board: Board,
    terminal: Arc<Terminal>,
    ring: Arc<Ring>,
    clock: Arc<dyn Clock>,
    tail: Tail,
    herald: Arc<Herald>,
    suspects: Suspects,
}

impl Told {
    /// The fault that the last lines of `service` name.
    pub(crate) fn fault(&self, service: &str, ended: bool) -> Option<Fault> {
        self.suspects.fault(service, &self.tail, ended)
    }
}

impl Told {
    /// What happens to a release that does not serve: it says nothing about the health of the application.
    pub(crate) fn note_aside(&self, event: Event) {
        self.ring.keep(&event, self.clock.now(), |text| self.terminal.mask(text));
        self.terminal.note(event);
    }
}

impl Journal for Told {
    fn note(&self, event: Event) {
        let event = self.suspects.explain(event, &self.tail);
        self.herald.follow(&event, |text| self.terminal.mask(text));
        self.board.follow(&event);
        self.ring.keep(&event, self.clock.now(), |text| self.terminal.mask(text));
        self.terminal.note(event);
    }
}

/// What a thread of its own has to tell is told to `journal`, until that thread has ended.
pub(super) fn told_by(journal: &Arc<Told>) -> (UnboundedSender<Event>, JoinHandle<()>) {
    let (tell, mut events) = unbounded_channel();
    let journal = Arc::clone(journal);
    let teller = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            journal.note(event);
        }
    });
    (tell, teller)
}

/// Who we are, for those who wait for our locks.
pub(crate) fn identity(app: &App) -> Identity {
    Identity {
        app: app.name.clone(),
        host: host::proc::hostname().unwrap_or_default(),
        pid: std::process::id(),
        release: app.env.get("MAINSTAY_RELEASE").cloned(),
    }
}
