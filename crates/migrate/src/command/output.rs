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
/// Of each, so much of its beginning is kept.
const KEPT_BYTES: usize = 4 * 1024;
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
        let kept = line.get(..KEPT_BYTES).unwrap_or(line);
        lines.push_back(String::from_utf8_lossy(kept).into_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A command that prints without end must not fill the memory; its last words are kept, standard error last.
    #[test]
    fn the_last_lines_are_kept_as_far_as_people_read_them() {
        let mut tail = Tail::default();
        tail.push(Stream::Stderr, b"why");
        for number in 0..2 * KEPT {
            tail.push(Stream::Stdout, [number.to_string().as_bytes(), &[b'x'; 64 * 1024]].concat().as_slice());
        }
        let lines = tail.into_lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (KEPT + 1, Some("why")));
        assert!(lines[0].starts_with("40x") && lines.iter().all(|line| line.len() <= KEPT_BYTES));
    }
}
