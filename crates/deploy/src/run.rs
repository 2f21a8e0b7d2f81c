//! A command that is run to its end, with everybody it has started.

use host::process::{Command, Exit, Pipe, Pipes, Running, Spawner};
use report::Stream;
use std::{
    io,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    sync::Notify,
    time::{Instant, sleep, timeout},
};

/// Somebody who lives on may hold the output open; its lines are waited for no longer than this.
const STRAGGLERS: Duration = Duration::from_secs(1);
/// From the polite signal to the other one.
const GRACE: Duration = Duration::from_secs(5);
/// After `SIGKILL` only the kernel holds a process.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);
/// A longer line is told in pieces: its writer may never end it.
const LONGEST: u64 = 64 * 1024;

/// More is no answer to any question that is asked here.
const MAX_ANSWER: usize = 4 << 20;
/// The last words of a program that are told.
const KEPT: usize = 12;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Exit(Exit),
    /// It took longer than it may, and was stopped.
    TimedOut,
}

/// Takes each whole line, without its end.
pub(crate) type Each<'a> = dyn Fn(Stream, &str) + Sync + 'a;

/// Runs `command` for `limit` at most; its lines are told as they come. Nobody whom it has started is left when this ends, also when
/// it is dropped.
pub(crate) async fn run(spawner: &dyn Spawner, command: &Command, limit: Duration, each: &Each<'_>) -> io::Result<End> {
    let mut running = Running::start(spawner, command)?;
    let pipes = running.take_output();
    // Lines are read to the end also while somebody is asked to go.
    let gone = Notify::new();
    let ending = async {
        let end = end(&mut running, limit).await;
        gone.notify_one();
        end
    };
    let reading = async {
        let mut reading = pin!(read(pipes, each));
        tokio::select! {
            () = &mut reading => return,
            () = gone.notified() => {}
        }
        let _ = timeout(STRAGGLERS, reading).await;
    };
    tokio::join!(ending, reading).0
}

/// What a program has said.
#[derive(Default)]
pub(crate) struct Answer {
    /// Its output, without the last end of line.
    pub(crate) text: String,
    /// Its last words beside that, without what URLs may hide.
    pub(crate) tail: Vec<String>,
    begun: bool,
}

/// The same, and what it has said.
pub(crate) async fn ask(spawner: &dyn Spawner, command: &Command, limit: Duration) -> (io::Result<End>, Answer) {
    let answer = Mutex::new(Answer::default());
    let each = |stream: Stream, line: &str| answer.lock().unwrap_or_else(PoisonError::into_inner).push(stream, line);
    let end = run(spawner, command, limit, &each).await;
    (end, answer.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Answer {
    fn push(&mut self, stream: Stream, line: &str) {
        match stream {
            Stream::Stdout if self.text.len() + line.len() < MAX_ANSWER => {
                if std::mem::replace(&mut self.begun, true) {
                    self.text.push('\n');
                }
                self.text.push_str(line);
            }
            Stream::Stdout => {}
            Stream::Stderr => {
                if self.tail.len() == KEPT {
                    self.tail.remove(0);
                }
                self.tail.push(config::redact(line));
            }
        }
    }
}

async fn end(running: &mut Running, limit: Duration) -> io::Result<End> {
    let end = match timeout(limit, running.wait()).await {
        Ok(exit) => End::Exit(exit?),
        Err(_) => {
            running.signal(SIGTERM)?;
            let _ = timeout(GRACE, running.wait()).await;
            End::TimedOut
        }
    };
    end_family(running).await?;
    Ok(end)
}

/// Whoever it has left behind.
async fn end_family(running: &Running) -> io::Result<()> {
    let until = Instant::now() + KILL_PATIENCE;
    while running.family_alive() && Instant::now() < until {
        running.signal(SIGKILL)?;
        sleep(LOOK).await;
    }
    Ok(())
}

async fn read(pipes: Option<Pipes>, each: &Each<'_>) {
    if let Some(Pipes { stdout, stderr }) = pipes {
        tokio::join!(read_one(stdout, Stream::Stdout, each), read_one(stderr, Stream::Stderr, each));
    }
}

async fn read_one(from: Box<dyn Pipe>, stream: Stream, each: &Each<'_>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        // An output that cannot be read has ended.
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        each(stream, &String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text)));
    }
}
