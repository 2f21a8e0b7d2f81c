//! `mainstay`: reads what was typed, does it, and ends with one of the documented exit codes.

mod args;
mod check;
mod context;
mod daemon;
mod doors;
mod dry_run;
mod load;
mod ping;
mod release;
mod start;
mod terminal;
mod texts;
mod trouble;
mod turn;
mod typed;
mod verbs;
mod words;

use args::{Cli, LogFormat};
use clap::error::ErrorKind;
use context::Context;
use host::SystemClock;
use report::{Finding, Outcome};
use std::{process::ExitCode, sync::Arc};
use terminal::Terminal;

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let terminal = Arc::new(Terminal::new(format_of(&cli), cli.log_level, Arc::new(SystemClock)));
    match run(cli, terminal.clone()) {
        Ok(code) => ExitCode::from(code),
        Err(finding) => {
            terminal.finding(&finding);
            ExitCode::from(Outcome::Failed.code())
        }
    }
}

/// One thread does everything: little memory, no wake-ups, and a child's parent-death signal is tied to this thread.
fn run(cli: Cli, terminal: Arc<Terminal>) -> Result<u8, Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|error| Finding::error("the runtime cannot be started").because(&error))?;
    let code = runtime.block_on(async {
        let context = Context::new(terminal)?;
        Ok(verbs::perform(cli.verb, context).await)
    });
    // A look-up of a name or a slow file may still occupy a thread; nobody waits for it any more.
    runtime.shutdown_background();
    code
}

fn format_of(cli: &Cli) -> LogFormat {
    match cli.log_format {
        Some(format) => format,
        None if host::terminal::is_terminal(host::terminal::Stream::Error) => LogFormat::Human,
        None => LogFormat::Logfmt,
    }
}

/// Help and version are answers; everything else was used wrongly.
fn misused(error: &clap::Error) -> ExitCode {
    let printed = terminal::usage(error);
    let answered = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    match answered && printed.is_ok() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(Outcome::Misused.code()),
    }
}
