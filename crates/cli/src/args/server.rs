//! What may be typed after `server` and `hook`.

use super::Place;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The verbs of `server`.
#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Set this machine up to be pushed to: directories, repository, hook, mainstay.toml and variables; again is fine
    #[command(after_help = "Example: mainstay server init --dir /srv/shop")]
    Init(ServerInit),
}

/// Flags of `server init`.
#[derive(Debug, Args)]
pub(crate) struct ServerInit {
    /// The directory of the site, made when missing [default: the current directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The branch that is released [default: that of mainstay.toml, or main]
    #[arg(long, value_name = "BRANCH")]
    pub(crate) branch: Option<String>,
    /// Fetch commits from this repository instead of being pushed to
    #[arg(long, value_name = "URL")]
    pub(crate) repository: Option<String>,
    /// A file such as .env.example whose variables are put into .env; `<generate>` as a value makes a secret up
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
}

/// The verbs of `hook`, which git runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Hook {
    /// After a push: release what was pushed, and tell the pusher how it goes
    #[command(
        name = "post-receive",
        after_help = "Example: mainstay hook post-receive --config /srv/shop/mainstay.toml"
    )]
    PostReceive(PostReceive),
}

/// Flags of `hook post-receive`.
#[derive(Debug, Args)]
pub(crate) struct PostReceive {
    #[command(flatten)]
    pub(crate) place: Place,
}
