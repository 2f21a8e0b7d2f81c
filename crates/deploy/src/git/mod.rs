//! Commits: which repository they come from, which one is meant, and its files in a tree of their own.

mod address;
mod check_out;
mod commit;
mod error;
mod source;

pub use commit::Commit;
pub use error::GitError;
pub use source::{Origin, Source};

use crate::run::{End, ask};
use host::{
    Env,
    process::{Command, Exit, Limits, Output, Spawner},
};
use std::{path::Path, time::Duration};

/// What only looks.
const SOON: Duration = Duration::from_secs(60);
/// What moves files or asks another machine.
const LONG: Duration = Duration::from_secs(15 * 60);

/// What git takes from a hook's environment for its own (`git rev-parse --local-env-vars`): there it means another repository.
const LOCAL: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The program git, which never asks anybody anything.
pub struct Git<'a> {
    spawner: &'a dyn Spawner,
    env: Env,
}

impl<'a> Git<'a> {
    /// Run with this environment.
    pub fn new(spawner: &'a dyn Spawner, env: &Env) -> Self {
        let mut env = outside_hook(env);
        // What it says is looked at here and there.
        env.insert("LC_ALL".to_owned(), "C".to_owned());
        env.insert("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned());
        env.entry("GIT_ASKPASS".to_owned()).or_insert_with(|| "false".to_owned());
        // ssh asks for a password on the terminal, if not told to ask a program (ssh(1)).
        env.entry("SSH_ASKPASS".to_owned()).or_insert_with(|| "false".to_owned());
        env.entry("SSH_ASKPASS_REQUIRE".to_owned()).or_insert_with(|| "force".to_owned());
        Self { spawner, env }
    }

    /// What it answers, on one line or several, without the last end of line.
    async fn ask(&self, doing: &'static str, dir: &Path, arguments: &[&str]) -> Result<String, GitError> {
        self.run(doing, dir, arguments, &[], SOON).await
    }

    /// The same with settings (`name`, `value`) that must not be seen among the arguments of the process.
    async fn run(
        &self,
        doing: &'static str,
        dir: &Path,
        arguments: &[&str],
        settings: &[(&str, &str)],
        limit: Duration,
    ) -> Result<String, GitError> {
        let (end, answer) = ask(self.spawner, &self.command(dir, arguments, settings), limit).await;
        match end {
            Ok(End::Exit(Exit::Code(0))) => Ok(answer.text),
            Ok(End::Exit(exit)) => Err(GitError::Failed { doing, exit, tail: answer.tail }),
            Ok(End::TimedOut) => Err(GitError::TimedOut { doing, limit }),
            Err(error) => Err(GitError::Start { error }),
        }
    }

    fn command(&self, dir: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let fixed = ["git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"];
        let mut env = self.env.clone();
        if !settings.is_empty() {
            // `GIT_CONFIG_COUNT` does the same, but not before git 2.31, and for submodules not before 2.33.
            let all: Vec<_> = settings.iter().map(|(name, value)| quoted(&format!("{name}={value}"))).collect();
            env.insert("GIT_CONFIG_PARAMETERS".to_owned(), all.join(" "));
        }
        Command {
            argv: fixed.iter().chain(arguments).map(|word| (*word).to_owned()).collect(),
            cwd: dir.to_owned(),
            env,
            listeners: Vec::new(),
            output: Output::Piped,
            mark: None,
            limits: Limits::default(),
        }
    }
}

/// As a shell would quote it, and git's own `-c` does.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The environment without what git has put there for a hook: whoever is started by a hook works in another repository.
pub fn outside_hook(env: &Env) -> Env {
    let mut env = env.clone();
    env.retain(|name, _| !LOCAL.contains(&name.as_str()) && !is_setting(name));
    env
}

/// Settings of a single call.
fn is_setting(name: &str) -> bool {
    name.starts_with("GIT_CONFIG_KEY_") || name.starts_with("GIT_CONFIG_VALUE_")
}
