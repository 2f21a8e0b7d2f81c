//! Services of Docker Compose as the parts of an application.

use super::{
    bring::unstarted,
    runner::{Brought, Part, Runner, Wanted},
};
use crate::{
    context::Context,
    release::{
        Here,
        work::{Started, Work, failed, on_disk},
    },
};
use ::deploy::{
    ReleaseId, Site,
    compose::{Compose, ComposeError, Container, Files, image},
};
use config::{App, BuildStep};
use jiff::Timestamp;
use plan::Trouble;
use report::{Finding, Outcome, count, or_list, seconds};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// Docker itself calls a container unhealthy at some time; longer is not waited.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// Of one without a health check: so long it is looked at.
const SETTLE: Duration = Duration::from_secs(1);
/// The time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// In the directory of a release: the file of Compose that names its images.
const OVER: &str = "compose.json";

/// The services of an application that a release replaces.
pub(super) struct Services<'a> {
    context: &'a Context,
    compose: Compose<'a>,
    site: Site,
    pub(super) names: Vec<String>,
    file: Option<PathBuf>,
    drain: Duration,
}

impl<'a> Services<'a> {
    pub(super) async fn find(
        context: &'a Context,
        here: &Here,
        names: Vec<String>,
        file: Option<PathBuf>,
        drain: Duration,
    ) -> Result<Self, Trouble> {
        let compose = find(context, here).await?;
        Ok(Self { context, compose, site: here.site.clone(), names, file, drain })
    }

    pub(super) fn what(&self) -> String {
        format!("{} of the Compose project `{}`", count(self.names.len(), "service"), self.compose.project())
    }

    pub(super) async fn parts(&self) -> Result<Vec<Part>, Trouble> {
        let mut parts = Vec::new();
        for name in &self.names {
            let containers = self.containers(name).await?;
            parts.push(part(name, &containers));
        }
        Ok(parts)
    }

    async fn containers(&self, name: &str) -> Result<Vec<Container>, Trouble> {
        self.compose.containers(name).await.map_err(|error| failed(error.finding()))
    }

    /// The files of a release.
    fn files(&self, wanted: Wanted<'_>) -> Result<Files, Trouble> {
        let dir = wanted.app.root.clone();
        let file = Files::find(&dir, self.file.as_deref()).ok_or_else(|| {
            let name = self.file.as_ref().map_or("compose.yaml".to_owned(), |file| file.display().to_string());
            let finding = Finding::error(format!("there is no `{name}` in the commit"));
            Trouble::new(
                Outcome::Misused,
                finding.hint("commit it; `compose` in `[deploy]` says that it has another name"),
            )
        })?;
        let over = Some(self.over(wanted.id)).filter(|over| over.is_file());
        Ok(Files { dir, file, env: self.site.env(wanted.id), over })
    }

    fn over(&self, id: ReleaseId) -> PathBuf {
        self.site.release(id).join(OVER)
    }

    pub(super) async fn fit(&self, wanted: Wanted<'_>) -> Result<Vec<Finding>, Trouble> {
        let files = self.files(wanted)?;
        let known = self.compose.services(&files).await.map_err(|error| {
            let finding = Finding::error(format!("`{}` is not understood by Compose", files.file.display()));
            Trouble::new(Outcome::Misused, error.words().split("; ").fold(finding, Finding::seen))
        })?;
        let unknown: Vec<_> = self.names.iter().filter(|name| !known.contains(name)).collect();
        if !unknown.is_empty() {
            let finding =
                Finding::error(format!("there is no service {} in `{}`", or_list(&unknown), files.file.display()));
            return Err(Trouble::new(Outcome::Misused, finding.hint(format!("there is {}", or_list(&known)))));
        }
        Ok(Vec::new())
    }

    pub(super) async fn bring(&self, name: &str, wanted: Wanted<'_>) -> Result<Brought, Trouble> {
        let files = self.files(wanted)?;
        // One that is not replaced counts from here.
        let before: BTreeMap<_, _> = self.containers(name).await?.into_iter().map(|it| (it.id, it.restarts)).collect();
        let again = |it: &Container| it.restarts > before.get(&it.id).copied().unwrap_or_default();
        let (since, begun) = (self.context.now(), Instant::now());
        if let Err(error) = self.compose.up(&files, name, self.drain).await {
            return Err(self.unstarted(name, Some(error.words()), since).await);
        }
        let (mut settled, until) = (None, Instant::now() + LONGEST);
        loop {
            let containers = self.containers(name).await?;
            let now = Instant::now();
            let broken = containers.is_empty() || containers.iter().any(|it| it.has_failed() || again(it));
            if broken || now > until {
                return Err(self.unstarted(name, None, since).await);
            }
            if containers.iter().all(Container::is_well) {
                let checked = containers.iter().all(|it| it.health.is_some());
                if checked || now > *settled.get_or_insert(now + SETTLE) {
                    let started = Started { since, restarts: containers.iter().map(|it| it.restarts).sum() };
                    return Ok(brought(name, checked, begun.elapsed(), started));
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn unstarted(&self, name: &str, said: Option<String>, since: Timestamp) -> Trouble {
        let containers = self.compose.containers(name).await.unwrap_or_default();
        let state = part(name, &containers).state;
        let lines = self.compose.logs(name, since).await.unwrap_or_default();
        unstarted(format!("the service `{name}` does not become healthy"), &state, &lines, said)
    }

    pub(super) async fn stop(&self) -> Result<(), Trouble> {
        for name in self.names.iter().rev() {
            self.compose.remove(name, self.drain).await.map_err(|error| failed(error.finding()))?;
        }
        Ok(())
    }

    pub(super) async fn lines(&self, name: &str, since: Timestamp) -> Option<Vec<String>> {
        self.compose.logs(name, since).await
    }
}

/// All containers of a service together: it is as well as the worst of them.
fn part(name: &str, containers: &[Container]) -> Part {
    let worst = containers.iter().find(|it| !it.is_well()).or_else(|| containers.first());
    Part {
        name: name.to_owned(),
        up: containers.iter().any(Container::is_up),
        well: worst.is_some_and(Container::is_well),
        failed: containers.iter().any(Container::has_failed),
        restarts: containers.iter().map(|it| it.restarts).sum(),
        state: worst.map_or_else(|| "not there".to_owned(), Container::state),
        release: containers.iter().find_map(|it| it.release),
    }
}

fn brought(name: &str, checked: bool, took: Duration, started: Started) -> Brought {
    let how = if checked { "healthy" } else { "running" };
    let warning = (!checked).then(|| {
        let finding = Finding::warning(format!("the service `{name}` has no health check: only `smoke` proves it"));
        finding.hint("give it a `healthcheck` in the Compose file")
    });
    Brought { text: format!("`{name}` replaced, {how} after {}", seconds(took)), warning, started }
}

/// What else a release has to build: the images of its services, under names of its own.
pub(in crate::release) async fn build_step(work: &Work<'_>, app: &App) -> Result<Option<BuildStep>, Trouble> {
    let Some(services) = services(work, app).await? else { return Ok(None) };
    let wanted = Wanted { id: work.record.id, app };
    write_over(&services, wanted, &services.names)?;
    Ok(Some(services.compose.build(&services.files(wanted)?, &services.names)))
}

/// Afterwards it is known which services have an image of their own. Those of the others are fetched, that the switch need not wait.
pub(in crate::release) async fn after_build(work: &Work<'_>, app: &App) -> Result<(), Trouble> {
    let Some(services) = services(work, app).await? else { return Ok(()) };
    let wanted = Wanted { id: work.record.id, app };
    let mut built = Vec::new();
    for name in &services.names {
        if services.compose.has_image(&image(services.compose.project(), name, work.record.id)).await {
            built.push(name.clone());
        }
    }
    write_over(&services, wanted, &built)?;
    for name in services.names.iter().filter(|name| !built.contains(name)) {
        if let Err(error) = services.compose.pull(&services.files(wanted)?, name).await {
            let finding =
                Finding::warning(format!("the image of `{name}` cannot be fetched: the one that is there is used"));
            work.context.terminal.finding(&finding.seen(error.words()));
        }
    }
    Ok(())
}

fn write_over(services: &Services<'_>, wanted: Wanted<'_>, built: &[String]) -> Result<(), Trouble> {
    let (path, project) = (services.over(wanted.id), services.compose.project());
    let written = services.files(wanted)?.write_over(&path, project, wanted.id, &services.names, built);
    written.map_err(on_disk("the images of the release cannot be named"))
}

/// The images of these releases go; whatever is in the way of that keeps nothing from going on.
pub(in crate::release) async fn forget(work: &Work<'_>, ids: &[ReleaseId]) {
    let config::Driver::Compose { services, .. } = &work.driver else { return };
    if let (false, Ok(compose)) = (ids.is_empty(), find(work.context, work.here).await) {
        for id in ids {
            compose.forget(services, *id).await;
        }
    }
}

async fn find<'a>(context: &'a Context, here: &Here) -> Result<Compose<'a>, Trouble> {
    let (spawner, name) = (&*context.spawner, &here.app.name);
    if let Some(program) = here.compose.get() {
        return Ok(Compose::known(spawner, &context.env, name, program.clone()));
    }
    let found = Compose::find(spawner, &context.env, name).await.map_err(|error| {
        let outcome = match error {
            ComposeError::Missing => Outcome::Misused,
            ComposeError::NoEngine(_) => Outcome::NotYet,
        };
        Trouble::new(outcome, error.finding())
    })?;
    here.compose.get_or_init(|| found.program().to_vec());
    Ok(found)
}

async fn services<'a>(work: &Work<'a>, app: &App) -> Result<Option<Services<'a>>, Trouble> {
    let Some(deploy) = app.deploy.as_ref().filter(|it| matches!(it.driver, config::Driver::Compose { .. })) else {
        return Ok(None);
    };
    Ok(match Runner::of(work, deploy).await? {
        Some(Runner::Compose(services)) => Some(services),
        _ => None,
    })
}
