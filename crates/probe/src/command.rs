//! A command that ends with 0.

use crate::{
    Context,
    refusals::{never, not_yet},
};
use database::{Refusal, ServerState};
use host::process::{Child, Command, Exit, Output, Pipes};
use retry::Deadline;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// Of its output, so much of the end is kept.
const KEPT: usize = 4096;
const SIGKILL: i32 = 9;

/// Runs `argv` and kills its whole group when it takes too long.
pub(crate) async fn run(argv: &[String], deadline: &Deadline, ctx: &Context) -> Result<(), Refusal> {
    let mut child = Guard(start(argv, ctx)?);
    let pipes = child.0.take_output();
    let mut said = Vec::new();
    let limit = deadline.remaining().unwrap_or(Duration::MAX);
    let exit = timeout(limit, async { tokio::join!(child.0.wait(), listen(pipes, &mut said)).0 }).await;
    judge(&argv[0], exit.ok(), limit, &last_line(&said))
}

fn start(argv: &[String], ctx: &Context) -> Result<Box<dyn Child>, Refusal> {
    let program = argv.first().ok_or_else(|| never(ServerState::Unknown, "the command is empty", "name a program"))?;
    let command = Command {
        argv: argv.to_vec(),
        cwd: ctx.root.clone(),
        env: ctx.env.clone(),
        listeners: Vec::new(),
        output: Output::Piped,
        mark: None,
        limits: host::process::Limits::default(),
    };
    ctx.spawner.spawn(&command).map_err(|error| {
        let message = format!("`{program}` could not be started: {error}");
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                never(ServerState::Unknown, message, "check the command and `PATH`")
            }
            _ => not_yet(ServerState::Unknown, message),
        }
    })
}

/// Nothing that a probe started outlives it.
struct Guard(Box<dyn Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.signal(SIGKILL);
    }
}

async fn listen(pipes: Option<Pipes>, said: &mut Vec<u8>) {
    let Some(Pipes { mut stdout, mut stderr }) = pipes else { return };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    tokio::join!(keep_end(&mut *stdout, &mut out), keep_end(&mut *stderr, &mut err));
    *said = if last_line(&err).is_empty() { out } else { err };
}

async fn keep_end(pipe: &mut (dyn AsyncRead + Send + Unpin), kept: &mut Vec<u8>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
}

fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn judge(program: &str, exit: Option<io::Result<Exit>>, limit: Duration, said: &str) -> Result<(), Refusal> {
    let detail = (!said.is_empty()).then(|| said.to_owned());
    let message = match exit {
        Some(Ok(Exit::Code(0))) => return Ok(()),
        Some(Ok(Exit::Code(code))) => format!("`{program}` ended with {code}"),
        Some(Ok(Exit::Signal(signal))) => format!("`{program}` was ended by signal {signal}"),
        Some(Err(error)) => format!("`{program}` could not be waited for: {error}"),
        None => format!("`{program}` was not done within {}", report::seconds(limit)),
    };
    Err(Refusal { detail, ..not_yet(ServerState::Starting, message) })
}
