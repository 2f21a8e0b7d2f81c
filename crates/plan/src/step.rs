//! What is to be done, in order.

use report::or_list;
use serde::Serialize;
use std::fmt;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum StepKind {
    /// Look at what must be there before anything is waited for, and take the lock of the single instance.
    Prepare {
        /// The data directory, when there is one; the lock lies there.
        data: Option<String>,
    },
    /// Wait until these dependencies are ready.
    Gate {
        /// By name; the ones that may be missing end in `?`.
        dependencies: Vec<String>,
    },
    /// Bring the schema up to date.
    Migrate {
        /// The database, by name.
        database: String,
        /// The directory or the command.
        source: String,
    },
    /// Start the services, each after those it needs.
    Start {
        /// By name, in order.
        services: Vec<String>,
        /// The jobs that are run from then on when they are due, by name.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        jobs: Vec<String>,
    },
}

/// One thing to do, and what its failure means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    #[serde(flatten)]
    pub kind: StepKind,
    /// Do the next steps follow even if this one fails?
    pub may_fail: bool,
}

/// Steps, in order. Prints as a numbered list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
}

impl StepKind {
    /// The step's name in events and in the timeline.
    pub const fn name(&self) -> &'static str {
        match self {
            StepKind::Prepare { .. } => "prepare",
            StepKind::Gate { .. } => "gate",
            StepKind::Migrate { .. } => "migrate",
            StepKind::Start { .. } => "start",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepKind::Prepare { data: Some(data) } => write!(f, "prepare  check `{data}` and take its lock"),
            StepKind::Prepare { data: None } => write!(f, "prepare  check the commands and bind the addresses"),
            StepKind::Gate { dependencies } if dependencies.is_empty() => write!(f, "gate     nothing to wait for"),
            StepKind::Gate { dependencies } => write!(f, "gate     wait for {}", list(dependencies)),
            StepKind::Migrate { database, source } => {
                write!(f, "migrate  bring `{database}` up to date with `{source}`")
            }
            StepKind::Start { services, jobs } => {
                let services = if services.is_empty() { "no services".to_owned() } else { list(services) };
                write!(f, "start    {services}")?;
                if jobs.is_empty() { Ok(()) } else { write!(f, "; from then on jobs: {}", list(jobs)) }
            }
        }
    }
}

fn list(names: &[String]) -> String {
    or_list(names).replace(" or ", " and ")
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let note = if step.may_fail { " (the rest follows even if it fails)" } else { "" };
            writeln!(f, "{}. {}{note}", index + 1, step.kind)?;
        }
        Ok(())
    }
}
