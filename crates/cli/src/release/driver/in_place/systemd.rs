//! Units of systemd as the parts of an application.

use super::{
    bring::unstarted,
    runner::{Brought, Part},
};
use crate::{
    context::Context,
    release::work::{Started, failed},
};
use ::deploy::{
    ReleaseId, Site,
    systemd::{Systemd, Unit, goes_past},
};
use config::Manager;
use jiff::Timestamp;
use plan::Trouble;
use report::{Finding, Outcome, count, or_list};
use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// Of a unit that counts as started whatever its process does: so long it is looked at.
const SETTLE: Duration = Duration::from_secs(1);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// The units of an application.
pub(super) struct Units<'a> {
    context: &'a Context,
    systemd: Systemd<'a>,
    site: Site,
    pub(super) names: Vec<String>,
}

impl<'a> Units<'a> {
    pub(super) fn new(context: &'a Context, site: &Site, names: Vec<String>, manager: Manager) -> Self {
        let systemd = Systemd::new(&*context.spawner, &context.env, manager);
        Self { context, systemd, site: site.clone(), names }
    }

    pub(super) fn what(&self) -> String {
        format!("{} of {}", count(self.names.len(), "unit"), self.systemd.whose())
    }

    pub(super) async fn parts(&self) -> Result<Vec<Part>, Trouble> {
        let units = self.units(&self.names).await?;
        Ok(units.into_iter().map(|unit| self.part(unit)).collect())
    }

    fn part(&self, unit: Unit) -> Part {
        Part {
            up: unit.is_up(),
            well: unit.is_well(),
            failed: unit.has_failed(),
            restarts: unit.restarts,
            state: unit.state(),
            release: unit.works_in().and_then(|dir| self.release_in(&dir)),
            name: unit.name,
        }
    }

    /// The release that a directory belongs to.
    fn release_in(&self, dir: &std::path::Path) -> Option<ReleaseId> {
        let releases = host::fs::real_path(&self.site.releases());
        dir.strip_prefix(releases).ok()?.iter().next()?.to_str()?.parse().ok()
    }

    pub(super) async fn fit(&self) -> Result<Vec<Finding>, Trouble> {
        let units = self.units(&self.names).await?;
        let lost: Vec<_> = units.iter().filter(|unit| !unit.is_loaded()).collect();
        if !lost.is_empty() {
            let finding = Finding::error(format!("{} has no such units", self.systemd.whose()));
            let finding =
                lost.iter().fold(finding, |finding, unit| finding.seen(format!("`{}`: {}", unit.name, unit.load)));
            let hint =
                "write their files and `systemctl daemon-reload`; `manager` in `[deploy]` says whose systemd is asked";
            return Err(Trouble::new(Outcome::Misused, finding.hint(hint)));
        }
        let services: Vec<_> = units.iter().filter(|unit| unit.name.ends_with(".service")).collect();
        let past = services.iter().filter(|unit| goes_past(unit, &self.site.current())).map(|unit| &unit.name);
        let stale = services.iter().filter(|unit| unit.needs_reload).map(|unit| &unit.name);
        let (past, stale): (Vec<_>, Vec<_>) = (past.collect(), stale.collect());
        let past = (!past.is_empty()).then(|| self.past(&past));
        let stale = (!stale.is_empty()).then(|| {
            let finding =
                Finding::warning(format!("the file of {} has changed since systemd has read it", or_list(&stale)));
            finding.hint("`systemctl daemon-reload` reads it again")
        });
        Ok(past.into_iter().chain(stale).collect())
    }

    fn past(&self, units: &[&String]) -> Finding {
        let current: PathBuf = self.site.current();
        let finding = Finding::warning(format!("{} does not run from the current release", or_list(units))).seen(
            "neither its `WorkingDirectory` nor its `EnvironmentFile` nor its `ExecStart` leads through the link",
        );
        let (tree, env) = (current.join("tree"), current.join("env"));
        finding.hint(format!("`WorkingDirectory={}` and `EnvironmentFile={}`", tree.display(), env.display()))
    }

    pub(super) async fn bring(&self, name: &str) -> Result<Brought, Trouble> {
        let before = self.unit(name).await?;
        let since = self.context.now();
        if let Err(error) = self.systemd.restart(&before).await {
            return Err(self.unstarted(name, Some(error.words()), since).await);
        }
        let until = Instant::now() + SETTLE;
        loop {
            let unit = self.unit(name).await?;
            if !unit.is_well() || unit.restarts > 0 {
                return Err(self.unstarted(name, None, since).await);
            }
            if !unit.starts_blindly() || Instant::now() > until {
                let gap = unit.gap().filter(|_| before.is_well());
                let gap = gap.map_or(String::new(), |gap| format!(" with a gap of {} ms", gap.as_millis()));
                let how = if before.is_well() { "restarted" } else { "started" };
                let started = Started { since: self.began(&unit).unwrap_or(since), restarts: unit.restarts };
                return Ok(Brought { text: format!("`{name}` {how}{gap}"), warning: None, started });
            }
            sleep(LOOK).await;
        }
    }

    async fn unit(&self, name: &str) -> Result<Unit, Trouble> {
        let units = self.units(&[name.to_owned()]).await?;
        units.into_iter().next().ok_or_else(|| failed(Finding::error(format!("nothing is known of `{name}`"))))
    }

    async fn units(&self, names: &[String]) -> Result<Vec<Unit>, Trouble> {
        self.systemd.units(names).await.map_err(|error| {
            let finding = error.finding();
            let misused = error.is_missing() || error.words().contains("onnect to bus");
            let finding = match misused && !error.is_missing() {
                true => finding.hint(format!(
                    "{} does not answer; `manager` in `[deploy]` says whose is asked, and `loginctl enable-linger` keeps the user's",
                    self.systemd.whose()
                )),
                false => finding,
            };
            Trouble::new(if misused { Outcome::Misused } else { Outcome::Failed }, finding)
        })
    }

    /// Why it did not start: what systemctl says, how it is, what it has written.
    async fn unstarted(&self, name: &str, said: Option<String>, since: Timestamp) -> Trouble {
        let state = self.unit(name).await.map(|unit| unit.state()).unwrap_or_default();
        let lines = self.systemd.journal(name, since).await.unwrap_or_default();
        unstarted(format!("`{name}` does not stay active"), &state, &lines, said)
    }

    pub(super) async fn stop(&self) -> Result<(), Trouble> {
        if self.names.is_empty() {
            return Ok(());
        }
        // One whose file is gone cannot be stopped, and need not be.
        let units = self.units(&self.names).await?;
        let up: Vec<_> = units.into_iter().filter(Unit::is_up).map(|unit| unit.name).collect();
        if up.is_empty() {
            return Ok(());
        }
        self.systemd.stop(&up).await.map_err(|error| failed(error.finding()))
    }

    pub(super) async fn lines(&self, name: &str, since: Timestamp) -> Option<Vec<String>> {
        self.systemd.journal(name, since).await
    }

    /// When its last start began, on the clock of the journal.
    fn began(&self, unit: &Unit) -> Option<Timestamp> {
        let ago = host::monotonic().checked_sub(unit.began?)?;
        self.context.now().checked_sub(ago).ok()
    }
}
