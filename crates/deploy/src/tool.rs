//! A program of others that is asked for something, with arguments and never through a shell.

use crate::run::{Each, End, ask, run};
use host::{
    Env,
    process::{Command, Exit, Limits, Output, Spawner, ended},
};
use report::Finding;
use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    time::Duration,
};

/// So many lines of a log are asked for: the last ones.
pub(crate) const MOST_LINES: &str = "5000";

/// Why it did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It cannot be run.
    #[error("`{program}` cannot be run: {error}")]
    Start {
        /// Which one.
        program: String,
        /// The cause.
        error: io::Error,
    },
    /// It ended otherwise than well.
    #[error("`{command}` {}", ended(*exit))]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        exit: Exit,
        /// Its last words.
        tail: Vec<String>,
    },
    /// It took too long.
    #[error("`{command}` took longer than {}", report::age(*limit))]
    TimedOut {
        /// What was run.
        command: String,
        /// How long it may take.
        limit: Duration,
    },
    /// It answered with something else than it should.
    #[error("`{command}` answers with what is not understood: {problem}")]
    Answer {
        /// What was run.
        command: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ToolError {
    /// For people.
    pub fn finding(&self) -> Finding {
        match self {
            ToolError::Start { program, error } => {
                let finding = Finding::error(format!("`{program}` cannot be run")).because(error);
                match error.kind() {
                    ErrorKind::NotFound => finding.hint(format!("install it, or check `PATH`; `{program}` is needed")),
                    _ => finding,
                }
            }
            ToolError::Failed { tail, .. } => tail.iter().fold(Finding::error(self.to_string()), Finding::seen),
            ToolError::TimedOut { .. } | ToolError::Answer { .. } => Finding::error(self.to_string()),
        }
    }

    /// Is it not there at all?
    pub fn is_missing(&self) -> bool {
        matches!(self, ToolError::Start { error, .. } if error.kind() == ErrorKind::NotFound)
    }

    /// What it has said, in one line.
    pub fn words(&self) -> String {
        match self {
            ToolError::Failed { tail, .. } if !tail.is_empty() => tail.join("; "),
            other => other.to_string(),
        }
    }
}

/// How programs are run.
pub(crate) struct Tool<'a> {
    pub(crate) spawner: &'a dyn Spawner,
    pub(crate) env: Env,
    pub(crate) cwd: PathBuf,
}

impl Tool<'_> {
    /// What it answers.
    pub(crate) async fn ask(&self, argv: Vec<String>, limit: Duration) -> Result<String, ToolError> {
        let command = self.command(argv);
        let (end, answer) = ask(self.spawner, &command, limit).await;
        judge(&command, end, limit, &answer.tail).map(|()| answer.text)
    }

    /// Does it, and tells its lines as they come.
    pub(crate) async fn tell(&self, argv: Vec<String>, limit: Duration, each: &Each<'_>) -> Result<(), ToolError> {
        let command = self.command(argv);
        let end = run(self.spawner, &command, limit, each).await;
        judge(&command, end, limit, &[])
    }

    fn command(&self, argv: Vec<String>) -> Command {
        Command {
            argv,
            cwd: self.cwd.clone(),
            env: self.env.clone(),
            listeners: Vec::new(),
            output: Output::Piped,
            mark: None,
            limits: Limits::default(),
        }
    }
}

fn judge(command: &Command, end: io::Result<End>, limit: Duration, tail: &[String]) -> Result<(), ToolError> {
    let line = || command.argv.join(" ");
    match end {
        Ok(End::Exit(Exit::Code(0))) => Ok(()),
        Ok(End::Exit(exit)) => Err(ToolError::Failed { command: line(), exit, tail: tail.to_vec() }),
        Ok(End::TimedOut) => Err(ToolError::TimedOut { command: line(), limit }),
        Err(error) => Err(ToolError::Start { program: command.argv.first().cloned().unwrap_or_default(), error }),
    }
}

/// The words of a command.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
