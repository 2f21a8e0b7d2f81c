//! Running PostgreSQL's programs: the status of every one of them, its last words, and no shell.

use crate::{BackupError, Doing, Job};
use config::dsn::{Host, PostgresDsn};
use database::postgres::{Program, Programs, libpq};
use host::{
    Env,
    process::{Command, Exit, Limits, Output, Pipes, Running, ended},
};
use std::{
    convert::Infallible,
    io::{self, Write},
    os::fd::OwnedFd,
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

/// Of its complaints, so much is kept, from the end.
const WORDS: usize = 64 * 1024;
/// Between two looks at files that grow.
const LOOK: Duration = Duration::from_millis(500);
/// And so many lines are told.
const LINES: usize = 10;
/// So much is passed on at once, and so often before whoever takes it must.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 8;

/// The program called `name` that fits the server.
pub(super) async fn find(job: &Job<'_>, name: &'static str, server: u32) -> Result<Program, BackupError> {
    let programs = Programs { only: job.programs, env: job.env, root: job.root, spawner: job.spawner };
    let found = programs.find(name, server).await;
    found.map_err(|seen| BackupError::NoProgram { program: name, server, seen })
}

/// What is to be run, and where the server is.
pub(super) fn command(job: &Job<'_>, argv: Vec<String>, server: Option<(&PostgresDsn, &Host)>) -> Command {
    let env: Env = match server {
        Some((dsn, host)) => libpq(job.env, dsn, host, job.session_name),
        None => job.env.iter().filter(|(key, _)| !key.starts_with("PG")).map(|(k, v)| (k.clone(), v.clone())).collect(),
    };
    Command {
        argv,
        cwd: job.root.to_owned(),
        env,
        listeners: Vec::new(),
        output: Output::Piped,
        mark: None,
        limits: Limits::default(),
    }
}

/// `program` with these arguments.
pub(super) fn argv<'a>(program: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    std::iter::once(program.display().to_string()).chain(arguments.into_iter().map(str::to_owned)).collect()
}

/// Runs it to its end, and passes on what it writes. `sink` runs where it may block, and ends when all has come.
///
/// # Errors
/// It cannot be started, ends with anything but 0, says nothing for as long as `job.stall`, or what it wrote cannot be kept.
pub(super) async fn run<T: Send + 'static>(
    job: &Job<'_>,
    command: &Command,
    sink: impl FnOnce(Pieces) -> io::Result<T> + Send + 'static,
) -> Result<T, BackupError> {
    let name = name(command);
    let mut running = start(job, command)?;
    let (sender, pieces) = mpsc::channel(PIECES);
    let sinking = tokio::task::spawn_blocking(move || sink(Pieces { pieces, left: Vec::new(), at: 0 }));
    let (passed, words) = match running.take_output() {
        Some(Pipes { stdout, stderr }) => {
            tokio::join!(or_end(&running, pass_on(stdout, sender, job.stall)), last_words(stderr))
        }
        None => (Ok(()), Vec::new()),
    };
    let exit = running.wait().await.map_err(|error| failed(&name, error.to_string(), &[]))?;
    match (passed, exit, kept(&name, sinking.await)) {
        (Err(error), ..) => Err(failed(&name, error.to_string(), &words)),
        (Ok(()), Exit::Code(0), kept) => kept,
        // A disk that is full is why it could not go on.
        (Ok(()), _, Err(error @ BackupError::Files { .. })) => Err(error),
        (Ok(()), exit, _) => Err(failed(&name, ended(exit), &words)),
    }
}

/// What cannot go on is ended: it would never do so by itself.
async fn or_end<T>(running: &Running, act: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    const SIGKILL: i32 = 9;
    let result = act.await;
    if result.is_err() {
        // It may have ended meanwhile.
        let _ = running.signal(SIGKILL);
    }
    result
}

/// Runs a program that writes nothing to us to its end, or until it has `hung`.
///
/// # Errors
/// It cannot be started, ends with anything but 0, or has hung.
pub(super) async fn run_silent(
    job: &Job<'_>,
    command: &Command,
    hung: impl Future<Output = io::Result<Infallible>>,
) -> Result<(), BackupError> {
    let name = name(command);
    let mut running = start(job, command)?;
    let pipes = running.take_output();
    let mut words = pin!(async {
        match pipes {
            Some(Pipes { stdout, stderr }) => tokio::join!(last_words(stdout), last_words(stderr)).1,
            None => Vec::new(),
        }
    });
    let (hung, words) = tokio::select! {
        words = &mut words => (None, words),
        hung = or_end(&running, hung) => (hung.err(), words.await),
    };
    let exit = running.wait().await.map_err(|error| failed(&name, error.to_string(), &[]))?;
    match (hung, exit) {
        (Some(error), _) => Err(failed(&name, error.to_string(), &words)),
        (None, Exit::Code(0)) => Ok(()),
        (None, exit) => Err(failed(&name, ended(exit), &words)),
    }
}

/// Of a program that writes files: counts what grows, and ends when nothing has for as long as `job.stall`. `grown`: how many bytes lie
/// there.
pub(super) async fn stalled(job: &Job<'_>, doing: Doing, grown: impl Fn() -> u64) -> io::Result<Infallible> {
    let (mut before, mut since) = (0, Instant::now());
    loop {
        sleep(LOOK).await;
        let now = grown();
        job.progress.add(doing, now.saturating_sub(before));
        if now != before {
            (before, since) = (now, Instant::now());
        } else if since.elapsed() > job.stall {
            let text = format!("wrote nothing for {}", report::seconds(job.stall));
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
    }
}

/// The same with an input, which is written to descriptor 3 by `feed`, where it may block.
pub(super) async fn run_fed<T: Send + 'static>(
    job: &Job<'_>,
    mut command: Command,
    feed: impl FnOnce(&mut dyn Write) -> io::Result<T> + Send + 'static,
) -> Result<T, BackupError> {
    let name = name(&command);
    let (reader, mut writer): (Arc<OwnedFd>, _) =
        host::process::inlet().map_err(|error| failed(&name, error.to_string(), &[]))?;
    command.listeners = vec![reader];
    let mut running = start(job, &command)?;
    // Only the child has it now: when it ends, whoever writes is told.
    drop(command);
    let feeding = tokio::task::spawn_blocking(move || feed(&mut writer));
    let words = match running.take_output() {
        Some(Pipes { stdout, stderr }) => tokio::join!(last_words(stdout), last_words(stderr)).1,
        None => Vec::new(),
    };
    let exit = running.wait().await.map_err(|error| failed(&name, error.to_string(), &[]))?;
    match (exit, feeding.await) {
        (Exit::Code(0), Ok(Ok(fed))) => Ok(fed),
        (Exit::Code(0), Ok(Err(error))) => Err(BackupError::files("the copy cannot be unpacked", error)),
        // What it did not want to read any more is no error of ours.
        (exit, _) => Err(failed(&name, ended(exit), &words)),
    }
}

pub(super) fn start(job: &Job<'_>, command: &Command) -> Result<Running, BackupError> {
    let started = Running::start(job.spawner, command);
    started.map_err(|error| failed(&name(command), format!("cannot be started: {error}"), &[]))
}

/// The name of the program itself, not of those before it that make it nicer.
fn name(command: &Command) -> String {
    let program =
        command.argv.iter().find(|word| !PREFIXES.iter().any(|prefix| word.ends_with(prefix)) && word.contains('/'));
    let program = program.or(command.argv.first());
    program
        .and_then(|path| Path::new(path).file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What may stand before a program.
const PREFIXES: [&str; 2] = ["/nice", "/setpriv"];

fn kept<T>(name: &str, result: Result<io::Result<T>, tokio::task::JoinError>) -> Result<T, BackupError> {
    match result {
        Ok(result) => result.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => failed(name, error.to_string(), &[]),
            _ => BackupError::files("the copy cannot be written", error),
        }),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(BackupError::files("the work was called off", io::Error::other(error))),
    }
}

fn failed(name: &str, exit: String, words: &[u8]) -> BackupError {
    let words = String::from_utf8_lossy(words);
    let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(LINES)..].iter().map(|&line| line.to_owned()).collect();
    BackupError::Program { program: name.to_owned(), exit, tail }
}

/// Until its end. When whoever takes it has given up, so does this: the program ends by a broken pipe.
async fn pass_on(
    mut from: Box<dyn AsyncRead + Send + Unpin>,
    to: mpsc::Sender<Vec<u8>>,
    stall: Duration,
) -> io::Result<()> {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = timeout(stall, from.read_buf(&mut piece)).await;
        let silent =
            |_| io::Error::new(io::ErrorKind::TimedOut, format!("wrote nothing for {}", report::seconds(stall)));
        if read.map_err(silent)?? == 0 || to.send(piece).await.is_err() {
            return Ok(());
        }
    }
}

/// The end of what it says.
pub(super) async fn last_words(mut from: Box<dyn AsyncRead + Send + Unpin>) -> Vec<u8> {
    let mut words = Vec::new();
    // What cannot be read is not told.
    while from.read_buf(&mut words).await.is_ok_and(|some| some > 0) {
        words.drain(..words.len().saturating_sub(WORDS));
    }
    words
}

/// What a program writes, for a thread that may block.
pub(super) struct Pieces {
    pieces: mpsc::Receiver<Vec<u8>>,
    left: Vec<u8>,
    at: usize,
}

impl io::Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.left.len() {
            let Some(piece) = self.pieces.blocking_recv() else { return Ok(0) };
            (self.left, self.at) = (piece, 0);
        }
        let some = buffer.len().min(self.left.len() - self.at);
        buffer[..some].copy_from_slice(&self.left[self.at..self.at + some]);
        self.at += some;
        Ok(some)
    }
}
