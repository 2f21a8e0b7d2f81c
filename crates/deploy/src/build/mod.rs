//! What makes a tree of files into something that can be started.

mod dependencies;
mod error;
mod log;

pub use error::BuildError;

use crate::{
    Record, ReleaseId, Site,
    run::{End, run},
};
use config::{BuildStep, Deploy};
use host::{
    Env, fs,
    process::{Command, Exit, Limits, Mark, Output, RELEASE, Spawner, end_leftovers},
};
use log::Log;
use report::{Lines, Stream};
use std::{io, path::Path, time::Duration};

/// The name under which the lines of a build go out.
pub const BUILD: &str = "build";
/// Caches may hold what others should not see.
const MODE: u32 = 0o700;
/// What a killed build has left is asked to go for so long.
const GRACE: Duration = Duration::from_millis(500);
/// The last lines that are told with a failure.
const KEPT: usize = 20;

/// What builds, and where.
pub struct Builder<'a> {
    /// Starts the commands.
    pub spawner: &'a dyn Spawner,
    /// The site.
    pub site: &'a Site,
    /// What is known of the release.
    pub record: &'a Record,
    /// The directory of the application's file in the tree. Absolute.
    pub root: &'a Path,
    /// The variables of the release.
    pub env: &'a Env,
    /// Where lines go beside the log of the build.
    pub lines: &'a dyn Lines,
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What the lock files said, in hexadecimal digits: [`Record::dependencies`].
    pub dependencies: Option<String>,
    /// Were they there already?
    pub dependencies_skipped: bool,
    /// What the release takes on the disk, in bytes: [`Record::bytes`].
    pub bytes: u64,
}

impl Builder<'_> {
    /// Runs all that `deploy` names, one after the other. With `rebuild`, dependencies are fetched anew. When this is dropped, nobody
    /// of it is left.
    ///
    /// # Errors
    /// A command failed, took too long or could not be started; there is no room left.
    pub async fn build(&self, deploy: &Deploy, rebuild: bool) -> Result<Built, BuildError> {
        fs::create_dir_all_private(&self.site.cache(), MODE)?;
        let log = Log::open(&self.site.build_log(self.record.id), self.lines)?;
        let (dependencies, dependencies_skipped) = match &deploy.dependencies {
            Some(wanted) => self.dependencies(wanted, rebuild, &log).await?,
            None => (None, false),
        };
        for step in &deploy.build {
            self.step(step, &log).await?;
        }
        let bytes = fs::bytes_below(&self.site.release(self.record.id));
        Ok(Built { dependencies, dependencies_skipped, bytes })
    }

    async fn step(&self, step: &BuildStep, log: &Log<'_>) -> Result<(), BuildError> {
        let command = command_line(&step.argv);
        log.note(&format!("$ {command}"));
        let tail = log.tail();
        let each = |stream: Stream, line: &str| log.line(stream, line);
        let end = run(self.spawner, &self.command(step), step.timeout, &each).await;
        // Who went away from it bears its mark all the same.
        end_left(self.site).await?;
        let failed = |why: String| {
            let room = fs::free_bytes(self.root).filter(|free| *free < LITTLE_ROOM);
            Err(BuildError::Failed { command: command.clone(), why, tail: log.tail_since(tail, KEPT), room })
        };
        match end {
            Ok(End::Exit(Exit::Code(0))) => Ok(()),
            Ok(End::Exit(exit)) => failed(host::process::ended(exit)),
            Ok(End::TimedOut) => {
                Err(BuildError::TimedOut { command, limit: step.timeout, tail: log.tail_since(tail, KEPT) })
            }
            Err(error) => failed(error.to_string()),
        }
    }

    fn command(&self, step: &BuildStep) -> Command {
        let mut env = self.env.clone();
        env.insert("MAINSTAY_CACHE".to_owned(), self.site.cache().display().to_string());
        env.insert(RELEASE.to_owned(), self.record.id.to_string());
        env.insert("MAINSTAY_COMMIT".to_owned(), self.record.commit.clone());
        env.extend(step.env.clone());
        let (instance, service) = (instance(self.site), BUILD.to_owned());
        let mark = Mark { instance, service, release: env.get(RELEASE).cloned() };
        mark.put_on(&mut env);
        Command {
            argv: step.argv.clone(),
            cwd: self.root.join(&step.dir),
            env,
            listeners: Vec::new(),
            output: Output::Piped,
            mark: Some(mark),
            limits: Limits::default(),
        }
    }
}

/// With less than this left, that is probably why a command has failed.
const LITTLE_ROOM: u64 = 1 << 20;

/// Whose the processes of builds are: those of one site, whoever runs them.
fn instance(site: &Site) -> String {
    format!("build:{}", site.data().display())
}

/// Ends what a build that was killed has left running. Call it under the lock of the site.
///
/// # Errors
/// They may not be signalled, being somebody else's.
pub async fn end_left(site: &Site) -> io::Result<usize> {
    let left = host::process::leftovers(&instance(site)).len();
    if left > 0 {
        end_leftovers(&instance(site), GRACE).await?;
    }
    Ok(left)
}

/// What the build of a release has written, its last `bytes` at most; nothing where it has written nothing.
///
/// # Errors
/// Those of the file system, with the path.
pub fn log_of(site: &Site, id: ReleaseId) -> io::Result<Option<String>> {
    match fs::read(&site.build_log(id), log::LARGEST + (1 << 20)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// In one short line, scripts shortened.
fn command_line(argv: &[String]) -> String {
    const LONGEST: usize = 100;
    let words = argv.iter().flat_map(|arg| arg.split_whitespace()).collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
