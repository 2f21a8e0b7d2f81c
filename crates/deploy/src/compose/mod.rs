//! Services of Docker Compose: what of them runs, how they are built for a release and put in the place of those of another. Asked for
//! with `docker compose`, or `docker-compose` where that plug-in is not there, and with `docker` itself for what runs.

mod container;
mod files;

pub use container::Container;
pub use files::{Files, LABEL, image, project};

use crate::{
    ReleaseId,
    tool::{MOST_LINES, Tool, ToolError, words},
};
use config::BuildStep;
use host::{Env, process::Spawner};
use jiff::Timestamp;
use report::Finding;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What only looks.
const SOON: Duration = Duration::from_secs(60);
/// What puts a container in the place of another.
const LONG: Duration = Duration::from_secs(10 * 60);
/// A build that takes longer has hung.
const BUILD: Duration = Duration::from_secs(30 * 60);

/// Why there is no Compose.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Neither of the two programs is there.
    #[error("neither `docker compose` nor `docker-compose` can be run")]
    Missing,
    /// The engine does not answer.
    #[error("no Docker engine answers")]
    NoEngine(ToolError),
}

impl ComposeError {
    /// For people.
    pub fn finding(&self) -> Finding {
        match self {
            ComposeError::Missing => Finding::error(self.to_string())
                .hint("install Docker with its Compose plug-in (`docker compose version`)"),
            ComposeError::NoEngine(error) => Finding::error(self.to_string())
                .seen(error.words())
                .hint("is it started, is this user in the group `docker`, does `DOCKER_HOST` lead to it?"),
        }
    }
}

/// Docker Compose, for one project.
pub struct Compose<'a> {
    tool: Tool<'a>,
    program: Vec<String>,
    project: String,
}

impl<'a> Compose<'a> {
    /// Looks which of the two programs is there, and whether the engine answers.
    ///
    /// # Errors
    /// None of them is, or it does not.
    pub async fn find(spawner: &'a dyn Spawner, env: &Env, app: &str) -> Result<Self, ComposeError> {
        let tool = Tool { spawner, env: env.clone(), cwd: PathBuf::from("/") };
        let program = match tool.ask(words(&["docker", "compose", "version", "--short"]), SOON).await {
            Ok(_) => words(&["docker", "compose"]),
            Err(_) => match tool.ask(words(&["docker-compose", "version", "--short"]), SOON).await {
                Ok(_) => words(&["docker-compose"]),
                Err(_) => return Err(ComposeError::Missing),
            },
        };
        let engine = tool.ask(words(&["docker", "version", "--format", "{{.Server.Version}}"]), SOON).await;
        engine.map_err(ComposeError::NoEngine)?;
        Ok(Self { tool, program, project: project(app) })
    }

    /// The same for who knows already which program is there.
    pub fn known(spawner: &'a dyn Spawner, env: &Env, app: &str, program: Vec<String>) -> Self {
        let tool = Tool { spawner, env: env.clone(), cwd: PathBuf::from("/") };
        Self { tool, program, project: project(app) }
    }

    /// Which of the two programs is there.
    pub fn program(&self) -> &[String] {
        &self.program
    }

    /// The name that containers, networks and volumes bear.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The names of all services in the file.
    ///
    /// # Errors
    /// The file is wrong.
    pub async fn services(&self, files: &Files) -> Result<Vec<String>, ToolError> {
        let text = self.tool.ask(self.compose(files, &["config", "--services"]), SOON).await?;
        Ok(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
    }

    /// What builds the images of these services, each under the name of its release. Those that have nothing to be built are left out.
    pub fn build(&self, files: &Files, services: &[String]) -> BuildStep {
        let argv = [self.compose(files, &["build"]), services.to_vec()].concat();
        BuildStep { argv, dir: PathBuf::new(), env: BTreeMap::new(), timeout: BUILD }
    }

    /// Fetches the image of a service that is not built here.
    ///
    /// # Errors
    /// It cannot be fetched; the one that is there may do.
    pub async fn pull(&self, files: &Files, service: &str) -> Result<(), ToolError> {
        self.tool.ask(self.compose(files, &["pull", service]), BUILD).await.map(drop)
    }

    /// Is there such an image?
    pub async fn has_image(&self, image: &str) -> bool {
        self.tool.ask(words(&["docker", "image", "inspect", "--format", "{{.Id}}", image]), SOON).await.is_ok()
    }

    /// Removes images that nobody uses any more; one that is not there, or is in use, stays as it is.
    pub async fn forget(&self, services: &[String], id: ReleaseId) {
        for service in services {
            let name = image(&self.project, service, id);
            drop(self.tool.ask(words(&["docker", "image", "rm", &name]), SOON).await);
        }
    }

    /// Puts a container of the release in the place of the one that is there. Nobody else is touched.
    ///
    /// # Errors
    /// It cannot be made or started.
    pub async fn up(&self, files: &Files, service: &str, drain: Duration) -> Result<(), ToolError> {
        let drain = drain.as_secs().max(1).to_string();
        let verb = ["up", "--detach", "--no-deps", "--no-build", "--timeout", &drain, service];
        self.tool.ask(self.compose(files, &verb), LONG + Duration::from_secs(600)).await.map(drop)
    }

    /// The containers of a service, also those that have ended.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn containers(&self, service: &str) -> Result<Vec<Container>, ToolError> {
        let of = |label: &str, value: &str| format!("label=com.docker.compose.{label}={value}");
        let (project, service_) = (of("project", &self.project), of("service", service));
        let argv = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", &project, "--filter", &service_];
        let ids = self.tool.ask(words(&argv), SOON).await?;
        let ids: Vec<_> = ids.lines().filter(|line| !line.is_empty()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let argv = words(&[&["docker", "inspect", "--type", "container"][..], &ids[..]].concat());
        let command = argv.join(" ");
        let text = self.tool.ask(argv, SOON).await?;
        container::read_all(&text).map_err(|problem| ToolError::Answer { command, problem })
    }

    /// Ends the containers of a service, and removes them.
    ///
    /// # Errors
    /// They did not end.
    pub async fn remove(&self, service: &str, drain: Duration) -> Result<(), ToolError> {
        let ids: Vec<_> = self.containers(service).await?.into_iter().map(|it| it.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let drain = drain.as_secs().max(1).to_string();
        self.tool.ask([words(&["docker", "stop", "--time", &drain]), ids.clone()].concat(), LONG).await?;
        self.tool.ask([words(&["docker", "rm", "--force"]), ids].concat(), SOON).await.map(drop)
    }

    /// What a service has written since then, the last of it.
    pub async fn logs(&self, service: &str, since: Timestamp) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        for container in self.containers(service).await.ok()? {
            let argv = words(&["docker", "logs", "--since", &since.to_string(), "--tail", MOST_LINES, &container.id]);
            let said = Mutex::new(Vec::new());
            let each = |_, line: &str| said.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
            self.tool.tell(argv, SOON, &each).await.ok()?;
            lines.extend(said.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        Some(lines)
    }

    fn compose(&self, files: &Files, verb: &[&str]) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let fixed = [
            "--project-name",
            &self.project,
            "--project-directory",
            &path(&files.dir),
            "--env-file",
            &path(&files.env),
        ];
        let over = files.over.iter().flat_map(|over| ["--file".to_owned(), path(over)]);
        let named = ["--file".to_owned(), path(&files.dir.join(&files.file))].into_iter().chain(over);
        let mut argv = [self.program.clone(), words(&fixed)].concat();
        argv.extend(named);
        argv.extend(words(verb));
        argv
    }
}
