//! What all parts of a start share.

use super::lines::Everywhere;
use crate::{context::Context, terminal::Terminal};
use config::App;
use health::Board;
use host::{Clock, process::SystemSpawner};
use migrate::{Identity, Job};
use report::{Event, Journal};
use std::sync::Arc;

/// What all parts of a start share.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) board: Board,
    pub(crate) terminal: Arc<Terminal>,
    pub(crate) journal: Arc<Told>,
    pub(crate) lines: Arc<Everywhere>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawner: Arc<SystemSpawner>,
    pub(crate) probes: probe::Context,
    pub(crate) who: Identity,
}

impl World {
    pub(crate) fn new(context: &Context, app: App) -> Arc<Self> {
        let board = Board::of(&app, context.clock.clone());
        Arc::new(Self {
            journal: Arc::new(Told { board: board.clone(), terminal: context.terminal.clone() }),
            board,
            lines: Arc::new(Everywhere::new(context.terminal.clone())),
            clock: context.clock.clone(),
            terminal: context.terminal.clone(),
            spawner: context.spawner.clone(),
            probes: super::gate_context(context, &app),
            who: identity(&app),
            app,
        })
    }

    /// The work of the migrations, if there are any.
    pub(crate) fn job(&self) -> Option<Job<'_>> {
        let migrations = self.app.migrations.as_ref()?;
        let target = &self.app.dependency(&migrations.database)?.target;
        Some(Job {
            migrations,
            target,
            root: &self.app.root,
            env: &self.app.env,
            spawner: &*self.spawner,
            journal: &*self.journal,
            lines: &*self.terminal,
            who: &self.who,
        })
    }
}

/// What happens goes to the terminal, and to the board as far as health cares.
pub(crate) struct Told {
    board: Board,
    terminal: Arc<Terminal>,
}

impl Journal for Told {
    fn note(&self, event: Event) {
        self.board.follow(&event);
        self.terminal.note(event);
    }
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
