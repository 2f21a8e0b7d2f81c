//! A command's output: whole lines go out as they come, the last ones are kept.

use host::process::Pipes;
use report::{Lines, Stream};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// The name under which its lines go out.
const SERVICE: &str = "migrate";
/// Enough for the end of a traceback.
const KEPT: usize = 40;
/// A longer line goes out in pieces: its writer may never end it.
const LONGEST: u64 = 64 * 1024;

/// The last lines of each output. Which of two lines on different outputs came first cannot be known.
#[derive(Debug, Default)]
pub(super) struct Tail {
    stdout: VecDeque<String>,
    stderr: VecDeque<String>,
}

impl Tail {
    fn push(&mut self, stream: Stream, line: &[u8]) {
        let lines = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(line).into_owned());
    }

    /// The lines, those on standard error last: that is where a reason stands.
    pub(super) fn into_lines(self) -> Vec<String> {
        self.stdout.into_iter().chain(self.stderr).collect()
    }
}

/// Reads both outputs to their end.
pub(super) async fn read(pipes: Option<Pipes>, lines: &dyn Lines, tail: &Mutex<Tail>) {
    if let Some(Pipes { stdout, stderr }) = pipes {
        tokio::join!(read_one(stdout, Stream::Stdout, lines, tail), read_one(stderr, Stream::Stderr, lines, tail));
    }
}

async fn read_one(from: Box<dyn AsyncRead + Send + Unpin>, stream: Stream, lines: &dyn Lines, tail: &Mutex<Tail>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.room().await;
        // An output that cannot be read has ended.
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        lines.line(SERVICE, stream, text);
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(stream, text);
    }
}
