//! Who runs the parts of an application, and what is asked of whoever that is.

use super::{compose::Services, systemd::Units};
use crate::release::work::{Started, Work};
use ::deploy::ReleaseId;
use config::{App, Deploy, Driver};
use jiff::Timestamp;
use plan::Trouble;
use report::Finding;
use std::collections::BTreeMap;

/// A unit of systemd, or a service of Compose.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    /// Is anything of it there?
    pub(super) up: bool,
    /// Does it what it is there for?
    pub(super) well: bool,
    /// Will nothing become of it?
    pub(super) failed: bool,
    /// So often it was started again by itself.
    pub(super) restarts: u64,
    /// In its own words.
    pub(super) state: String,
    /// The release that its process belongs to, as far as that can be seen.
    pub(super) release: Option<ReleaseId>,
}

/// A release whose parts are started.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub(super) id: ReleaseId,
    pub(super) app: &'w App,
}

/// What came of the start of a part.
#[derive(Debug)]
pub(super) struct Brought {
    /// In words: `` `web.service` restarted with a gap of 80 ms ``.
    pub(super) text: String,
    pub(super) warning: Option<Finding>,
    /// From when on what it writes and how it is restarted counts.
    pub(super) started: Started,
}

/// systemd, or Docker Compose.
pub(super) enum Runner<'a> {
    Systemd(Units<'a>),
    Compose(Services<'a>),
}

impl<'a> Runner<'a> {
    /// The one of this `[deploy]`; nothing where mainstay runs the services itself.
    pub(super) async fn of(work: &Work<'a>, deploy: &Deploy) -> Result<Option<Self>, Trouble> {
        Ok(match &deploy.driver {
            Driver::Mainstay => None,
            Driver::Systemd { units, manager } => {
                Some(Runner::Systemd(Units::new(work.context, &work.here.site, units.clone(), *manager)))
            }
            Driver::Compose { file, services } => {
                let services = Services::find(work.context, work.here, services.clone(), file.clone(), deploy.drain);
                Some(Runner::Compose(services.await?))
            }
        })
    }

    /// What it runs: `2 units of the user's systemd`.
    pub(super) fn what(&self) -> String {
        match self {
            Runner::Systemd(units) => units.what(),
            Runner::Compose(services) => services.what(),
        }
    }

    /// The names of all parts, in the order of their start.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Runner::Systemd(units) => &units.names,
            Runner::Compose(services) => &services.names,
        }
    }

    /// Without those that are named there.
    pub(super) fn without(mut self, others: &[String]) -> Self {
        let names = match &mut self {
            Runner::Systemd(units) => &mut units.names,
            Runner::Compose(services) => &mut services.names,
        };
        names.retain(|name| !others.contains(name));
        self
    }

    /// How all of them are.
    pub(super) async fn parts(&self) -> Result<Vec<Part>, Trouble> {
        match self {
            Runner::Systemd(units) => units.parts().await,
            Runner::Compose(services) => services.parts().await,
        }
    }

    /// Can they be started as this release? Warnings of what may be wrong all the same.
    pub(super) async fn fit(&self, wanted: Wanted<'_>) -> Result<Vec<Finding>, Trouble> {
        match self {
            Runner::Systemd(units) => units.fit().await,
            Runner::Compose(services) => services.fit(wanted).await,
        }
    }

    /// Puts one of the release in the place of the one that runs, and waits until it is started.
    pub(super) async fn bring(&self, name: &str, wanted: Wanted<'_>) -> Result<Brought, Trouble> {
        match self {
            Runner::Systemd(units) => units.bring(name).await,
            Runner::Compose(services) => services.bring(name, wanted).await,
        }
    }

    /// Ends all of them.
    pub(super) async fn stop(&self) -> Result<(), Trouble> {
        match self {
            Runner::Systemd(units) => units.stop().await,
            Runner::Compose(services) => services.stop().await,
        }
    }

    /// What they have written since their start, or since this moment, each line with the name of its part; nothing where that cannot be
    /// read.
    pub(super) async fn lines(
        &self,
        started: &BTreeMap<String, Started>,
        since: Timestamp,
    ) -> Option<Vec<(String, String)>> {
        let mut all = Vec::new();
        for name in self.names() {
            let since = started.get(name).map_or(since, |started| started.since);
            let lines = match self {
                Runner::Systemd(units) => units.lines(name, since).await?,
                Runner::Compose(services) => services.lines(name, since).await?,
            };
            all.extend(lines.into_iter().map(|line| (name.clone(), line)));
        }
        Some(all)
    }
}
