//! What a release has at hand while it comes live, and how each step is done.

use super::{
    Here, Wish,
    checklist::Checklist,
    driver,
    prober::Prober,
    queue,
    step::{self, Replacement},
};
use crate::{context::Context, start::World};
use ::deploy::{
    Record, ReleaseId,
    course::{Fact, Plan, Step, Undo},
    store,
};
use config::Driver;
use control::{Candidate, Lease, Promoted};
use host::lock::InstanceLock;
use jiff::Timestamp;
use plan::Trouble;
use report::{Finding, Outcome};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What a step comes to: one sentence about what is now true.
pub(super) type Did = Result<String, Trouble>;

/// What a release has at hand.
pub(super) struct Work<'a> {
    pub(super) context: &'a Context,
    pub(super) here: &'a Here,
    pub(super) wish: &'a Wish,
    pub(super) list: Checklist<'a>,
    pub(super) record: Record,
    /// A release that was there is brought back.
    pub(super) is_rollback: bool,
    /// What is wanted is there already.
    pub(super) is_enough: bool,
    /// Nobody else deploys here meanwhile.
    pub(super) lock: Option<InstanceLock>,
    /// What was found out since the last step.
    pub(super) facts: Vec<Fact>,
    /// The release that served when this began.
    pub(super) before: Option<ReleaseId>,
    pub(super) daemon: Daemon,
    /// Who runs the services: of the release before, from `check` on of the new one.
    pub(super) driver: Driver,
    /// When the new release began to take the place of the old one, where that is done part by part.
    pub(super) switched: Option<Timestamp>,
    /// The same of each of its parts.
    pub(super) started: BTreeMap<String, Started>,
    /// The new release, once its configuration is read.
    pub(super) world: Option<Arc<World>>,
    /// Its services beside the old ones.
    pub(super) lease: Option<Lease>,
    pub(super) candidate: Option<Candidate>,
    pub(super) promoted: Option<Promoted>,
    /// Asks the application all the time.
    pub(super) prober: Option<Prober>,
    /// What its last request without a good answer has met.
    pub(super) last_failure: Option<String>,
    /// What ran was stopped for it, and when.
    pub(super) stopped: Option<Instant>,
    /// The copy that takes the place of a database, and what was made of it.
    pub(super) replacement: Option<Replacement>,
    /// So many migrations would be applied.
    pub(super) pending: usize,
    /// How long the step took, where its work was done together with that of another one.
    pub(super) took: Option<Duration>,
    /// Of the step that has failed.
    pub(super) trouble: Option<Trouble>,
}

/// From when on a part is of the release, where others run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Started {
    /// What was written before was written by another one.
    pub(super) since: Timestamp,
    /// So often it had been started again by then.
    pub(super) restarts: u64,
}

/// The mainstay that keeps the services up, or others who do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Daemon {
    /// Nothing runs.
    Absent,
    /// Others run the services, and not all of them are well.
    Ill,
    /// It ran before; of others, all services are well.
    Running,
    /// It was started for this release.
    Started,
}

impl<'a> Work<'a> {
    pub(super) fn new(context: &'a Context, here: &'a Here, wish: &'a Wish, record: Record, plan: Plan) -> Self {
        Self {
            context,
            here,
            wish,
            list: Checklist::new(context, plan),
            record,
            is_rollback: false,
            is_enough: false,
            lock: None,
            facts: Vec::new(),
            before: None,
            daemon: Daemon::Absent,
            driver: here.deploy.driver.clone(),
            switched: None,
            started: BTreeMap::new(),
            world: None,
            lease: None,
            candidate: None,
            promoted: None,
            prober: None,
            last_failure: None,
            stopped: None,
            replacement: None,
            pending: 0,
            took: None,
            trouble: None,
        }
    }

    /// Does a step.
    pub(super) async fn perform(&mut self, step: Step) -> Did {
        self.reach(step.word());
        match step {
            Step::Lock => queue::lock(self).await,
            Step::Preflight => step::preflight(self).await,
            Step::Fetch => step::fetch(self).await,
            Step::Check if self.is_rollback => step::check_again(self).await,
            Step::Check => step::check(self).await,
            Step::Build => step::build(self).await,
            Step::Backup => step::backup(self).await,
            Step::Restore => step::restore(self).await,
            Step::Stop => step::stop(self).await,
            Step::Exchange => step::exchange(self).await,
            Step::Empty => step::empty(self).await,
            Step::Migrate => step::migrate(self).await,
            Step::Gate => driver::gate(self).await,
            Step::Start => driver::start(self).await,
            Step::Prove => step::prove(self).await,
            Step::Switch => driver::switch(self).await,
            Step::Drain => driver::drain(self),
            Step::Revert => step::revert(self).await,
            Step::Watch => driver::watch(self).await,
            Step::Confirm => step::confirm(self).await,
        }
    }

    /// Takes back what a step has done.
    pub(super) async fn take_back(&mut self, undo: Undo) -> Result<(), String> {
        self.reach("undo");
        match undo {
            Undo::RemoveTree => step::remove_tree(self).await,
            Undo::TakeBackMigrations { count } => step::take_back_migrations(self, count).await,
            Undo::MigrateAgain { .. } => step::migrate_again(self).await,
            Undo::StopCandidate => driver::stop_candidate(self).await,
            Undo::SwitchBack => driver::switch_back(self).await,
            Undo::StartAgain => step::start_again(self).await,
            Undo::PutBack if self.is_rollback => step::exchange_back(self).await,
            Undo::PutBack => step::put_back(self).await,
            Undo::RemoveNew => step::remove_new(self).await,
        }
    }

    /// A place at which a test may end this process.
    pub(super) fn reach(&self, name: &str) {
        host::failpoint::reach(&self.context.env, &format!("deploy.{name}"));
    }

    /// The new release as it is configured; known from the step `check` on.
    pub(super) fn world(&self) -> Result<Arc<World>, Trouble> {
        self.world.clone().ok_or_else(|| failed(Finding::error("the configuration of the release was not read")))
    }

    /// Its `[deploy]`, or the site's as long as it has none.
    pub(super) fn deploy(&self) -> &config::Deploy {
        self.world.as_ref().and_then(|world| world.app.deploy.as_ref()).unwrap_or(&self.here.deploy)
    }

    /// Writes down how far it has come.
    pub(super) fn write(&mut self) -> Result<(), Trouble> {
        self.record.phases = self.list.phases();
        let written = store::write(&self.here.site, &self.record);
        written.map_err(|error| failed(Finding::error("the record of the release cannot be written").because(&error)))
    }
}

/// It failed for this reason.
pub(super) fn failed(finding: Finding) -> Trouble {
    Trouble::new(Outcome::Failed, finding)
}

/// What is wrong with files of ours.
pub(super) fn on_disk(what: &str) -> impl Fn(std::io::Error) -> Trouble {
    let what = what.to_owned();
    move |error| failed(Finding::error(what.clone()).because(&error))
}
