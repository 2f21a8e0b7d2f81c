//! What may be typed after `proxy`.

use clap::{Args, Subcommand};
use config::Upstream;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// `proxy`, alone or with a verb.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Proxy {
    #[command(subcommand)]
    pub(crate) verb: Option<ProxyVerb>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// Flags of `proxy` itself.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to answer: 127.0.0.1:8080, 0.0.0.0:443; may be given several times
    #[arg(long, required = true, value_name = "ADDRESS", value_parser = config::parse_address)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where the application listens: 127.0.0.1:8000, unix:/run/app.sock
    #[arg(long, required = true, value_name = "ADDRESS")]
    pub(crate) to: Option<Upstream>,
    /// Answer over TLS with this certificate and those above it, as PEM; read again when the file changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Send whoever comes here to the same place over HTTPS; may be given several times
    #[arg(long, value_name = "ADDRESS", requires = "tls_cert", value_parser = config::parse_address)]
    pub(crate) redirect: Vec<SocketAddr>,
    /// So many requests wait while the application is not there
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) hold_requests: usize,
    /// So long a request waits while the application is not there
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = config::parse_duration)]
    pub(crate) hold_time: Duration,
    /// So long requests may take to finish after a switch, and when the proxy ends
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = config::parse_duration)]
    pub(crate) drain: Duration,
    /// So long the application may say nothing while it answers; tunnels may be silent for ever
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = span)]
    pub(crate) silence: Duration,
    /// So many connections at once on each address
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = at_least_one)]
    pub(crate) connections: usize,
    /// A path that is not there: /admin, .git, *.php; may be given several times [default: a list of what scanners try]
    #[arg(long, value_name = "PATTERN")]
    pub(crate) block: Vec<String>,
    /// Block no path
    #[arg(long, conflicts_with = "block")]
    pub(crate) no_block: bool,
    /// A header for every answer that does not have it: 'Name: value'; may be given several times
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// Believe what X-Forwarded-For and Forwarded say: only another proxy can reach this one
    #[arg(long)]
    pub(crate) trust_forwarded: bool,
    #[command(flatten)]
    pub(crate) socket: Socket,
}

/// Which proxy.
#[derive(Debug, Args)]
pub(crate) struct Socket {
    /// The Unix socket on which the proxy is asked and told
    #[arg(long, value_name = "SOCKET", default_value = "data/run/proxy.sock")]
    pub(crate) control: PathBuf,
}

/// The verbs of `proxy`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProxyVerb {
    /// Send requests to another copy of the application once it answers; ends when the old one has nothing left
    #[command(after_help = "Example: mainstay proxy switch --to 127.0.0.1:8001 --health /health")]
    Switch(Switch),
    /// Let requests wait, within bounds
    #[command(after_help = "Example: mainstay proxy hold")]
    Hold(Asked),
    /// Let requests go again
    #[command(after_help = "Example: mainstay proxy resume")]
    Resume(Asked),
    /// Ask for another certificate by ACME now, whenever that would be due; ends when it is there
    #[command(after_help = "Example: mainstay proxy renew")]
    Renew(Asked),
    /// Which copies of the application there are, and every request that waits or is on its way
    #[command(after_help = "Example: mainstay proxy status --json")]
    Status(Asked),
}

/// Flags of `proxy switch`.
#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// Where the new copy listens: 127.0.0.1:8001, unix:/run/app-2.sock
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Upstream,
    /// A path that it must answer with 2xx first [default: it is enough that it accepts connections]
    #[arg(long, value_name = "PATH")]
    pub(crate) health: Option<String>,
    /// It has so long to answer
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = config::parse_duration)]
    pub(crate) within: Duration,
    /// So long the old copy may take to finish [default: that of the proxy]
    #[arg(long, value_name = "SPAN", value_parser = config::parse_duration)]
    pub(crate) drain: Option<Duration>,
    #[command(flatten)]
    pub(crate) asked: Asked,
}

/// Flags of all verbs that ask a running proxy.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    pub(crate) socket: Socket,
    /// Answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// One that is not over at once.
fn span(text: &str) -> Result<Duration, String> {
    match config::parse_duration(text)? {
        Duration::ZERO => Err("nothing could ever be answered".to_owned()),
        span => Ok(span),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nobody could ever connect".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is no number")),
    }
}
