//! Flags of `env`.

use super::Place;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The verbs of `env`.
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    /// Compare the contract with the environment, .env.example and the table in the manual
    #[command(after_help = "Example: mainstay env check --dir examples/booking")]
    Check(EnvFiles),
    /// Print .env.example
    #[command(after_help = "Example: mainstay env example > .env.example")]
    Example(Place),
    /// Print the table of variables as Markdown
    #[command(after_help = "Example: mainstay env docs > docs/environment.md")]
    Docs(Place),
}

/// Flags of `env check`.
#[derive(Debug, Args)]
pub(crate) struct EnvFiles {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Compare this file with `env example` [default: .env.example, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) example: Option<PathBuf>,
    /// Compare the table in this file with `env docs`
    #[arg(long, value_name = "FILE")]
    pub(crate) docs: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
